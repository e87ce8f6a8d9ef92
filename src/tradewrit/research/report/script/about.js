/* What every page says of itself: the data it was run on, and its notes. */
function factsLine(facts) {
  return el("p", { class: "facts" }, facts.map(([name, value], i) => [i ? " \u00b7 " : "", name + " ", el("b", null, value)]));
}
function dataFacts() {
  const names = data.symbols.slice(0, 8).join(", ") + (data.symbol_count > 8 ? ` and ${(data.symbol_count - 8).toLocaleString("en-US")} more` : "");
  return [["Symbols", names || "none"],
    ["Period", data.period ? moment(data.period[0]) + " to " + moment(data.period[1]) + " UTC" : "no bars"],
    ["Bars", `${data.bars.toLocaleString("en-US")} (${duration(data.interval_ms)} each)`]];
}
function notes() {
  if (!data.notes.length) return null;
  return el("div", { class: "banner", role: "note" },
    data.notes.length === 1 ? data.notes[0] : el("ul", null, data.notes.map((note) => el("li", null, note))));
}
