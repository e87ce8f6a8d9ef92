/* Backtests side by side: their figures, their curves and their years. */
const names = data.runs.map((run) => run.name);
const hueOf = (place) => `var(${RUN_HUES[place % RUN_HUES.length]})`;
const heads = () => names.map((name, i) => el("th", { scope: "col" }, swatch({ stroke: hueOf(i), "stroke-width": 2.4 }), " ", name));

function comparisonHeader() {
  const differing = Object.keys(data.runs[0].parameters)
    .filter((name) => data.runs.every((run) => name in run.parameters) && new Set(data.runs.map((run) => run.parameters[name])).size > 1);
  return el("header", null, el("h1", null, data.title), factsLine(dataFacts()),
    differing.length ? el("p", { class: "facts" }, "They differ in " + differing.length + (differing.length === 1 ? " parameter: " : " parameters: "),
      differing.map((name, i) => [i ? ", " : "", name + " ", el("b", null, data.runs.map((run) => run.parameters[name]).join(" / "))])) : null,
    notes());
}
function sideBySide() {
  const gap = (line) => {
    const [a, b] = line.values;
    if (!known(a) || !known(b)) return NONE;
    const size = WRITE[line.kind](Math.abs(b - a)).replace("+", "");
    return (/[1-9]/.test(size) ? (b > a ? "+" : MINUS) : "") + size;
  };
  const wide = names.length === 2;
  const row = (line) => el("tr", null,
    el("td", { class: "text" }, el("span", { class: "term", tabindex: "0" }, line.label, el("span", { class: "meaning", role: "tooltip" }, line.meaning))),
    line.values.map((value, i) => el("td", { class: line.best.includes(i) ? "best" : null }, line.best.includes(i) ? "\u25cf " : "", WRITE[line.kind](value))),
    wide ? el("td", { class: "quiet" }, gap(line)) : null);
  return section("Side by side", { legend: legend([dot({ fill: "var(--up)" }), "better"]) },
    el("div", { class: "scroll" }, el("table", { class: "sides" },
      el("thead", null, el("tr", null, el("th", { scope: "col", class: "text" }, "Figure"), heads(), wide ? el("th", { scope: "col" }, "Difference") : null)),
      el("tbody", null, data.lines.map(row)))),
    el("p", { class: "note" }, `${count(data.common_trades, "trade")} in common (same symbol, side and entry time)` +
      (known(data.correlation) ? `; daily returns correlate at ${ratio(data.correlation)}.` : ".") +
      " Better is said of each figure alone, and of this stretch of the past."));
}
function yearsSection() {
  const years = data.runs[0].years.map((one) => one.year);
  if (!years.length) return null;
  const values = data.runs.map((run) => new Map(run.years.map((one) => [one.year, one.value])));
  const row = (year) => {
    const each = values.map((by) => by.get(year)), most = Math.max(...each.filter(known));
    const isEqual = new Set(each).size === 1;
    return el("tr", null, el("th", { scope: "row", class: "text" }, String(year)),
      each.map((value) => el("td", { class: tone(value) }, !isEqual && value === most ? "\u25cf " : "", signed(fraction(value), value))));
  };
  return section("Calendar years", { legend: legend([dot({ fill: "var(--quiet)" }), "better of the year"]) }, el("div", { class: "scroll tall" }, el("table", { class: "sides" },
    el("thead", null, el("tr", null, el("th", { scope: "col", class: "text" }, "Year"), heads())), el("tbody", null, years.map(row)))));
}
show(
  comparisonHeader(),
  curve.t.length ? curvesSection("Equity", null) : null,
  sideBySide(), yearsSection(),
  el("footer", null, "A backtest shows how rules would have done on the past under stated fill rules; it does not show what they will do."),
);
