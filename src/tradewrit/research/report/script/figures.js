/* All figures, with their meaning. */
function figuresSection() {
  const row = (term) => {
    const value = metrics[term.field];
    const hue = term.kind.startsWith("signed") ? tone(value) : null;
    return el("tr", null, el("td", null, el("span", { class: "term", tabindex: "0" }, term.label, el("span", { class: "meaning", role: "tooltip" }, term.meaning))),
      el("td", { class: hue }, WRITE[term.kind](value)));
  };
  return section("All figures", {}, el("div", { class: "figures" }, Object.entries(data.glossary).map(([name, terms]) =>
    el("div", null, el("h3", null, name), el("table", null, el("tbody", null, terms.map(row)))))),
  el("p", { class: "note" }, `${NONE} means that the data do not define the figure. Returns are read from daily samples of equity; times are UTC.`));
}
function footer() {
  const s = (value) => plain(value, value < 10 ? 2 : 0) + " s";
  return el("footer", null, `Loaded in ${s(data.seconds.load)}, run in ${s(data.seconds.run)} (${s(data.seconds.cpu)} of CPU). A backtest shows how rules would have done on the past under stated fill rules; it does not show what they will do.`);
}
