/* Returns of the calendar months, one row per year. */
function monthsSection() {
  const years = data.years.map((one) => one.year);
  const by = new Map(data.months.map((one) => [one.year * 12 + one.month - 1, one.value]));
  const sizes = data.months.map((one) => Math.abs(one.value || 0)).sort((a, b) => a - b);
  const strong = Math.max(sizes[Math.floor((sizes.length - 1) * 0.95)] || 0, 1e-9);
  const closed = new Map(data.by_month.map(([name, number, profit]) => [12 * name.slice(0, 4) + +name.slice(5) - 1, [number, profit]]));
  const words = (value, month) => {
    const [number, profit] = closed.get(month) || [0, 0];
    return signed(fraction(value, 4), value) + (month === undefined ? "" : `; ${count(number, "trade")} closed` + (number ? " for " + signed(money(profit), profit) : ""));
  };
  const cell = (value, kind, month) => {
    if (!known(value)) return el("td", { class: kind }, "");
    const shown = signed(plain(value * 100, 2), value);
    const depth = /[1-9]/.test(shown) ? 0.1 + 0.45 * Math.min(Math.abs(value) / strong, 1) : 0;
    const paint = depth && !kind ? `background: rgb(var(--${value > 0 ? "up" : "down"}-rgb) / ${depth.toFixed(2)})` : null;
    return el("td", { class: kind ? kind + " " + (tone(value) || "") : null, style: paint, title: words(value, month) }, shown);
  };
  return section("Monthly returns, %", {}, el("div", { class: "scroll" }, el("table", { class: "months" },
    el("thead", null, el("tr", null, el("th", { scope: "col" }, "Year"), MONTHS.map((name) => el("th", { scope: "col" }, name)), el("th", { scope: "col" }, "Total"))),
    el("tbody", null, data.years.map((one) => el("tr", null, el("th", { scope: "row" }, String(one.year)),
      MONTHS.map((_, month) => cell(by.get(one.year * 12 + month), null, one.year * 12 + month)), cell(one.value, "total")))))),
    years.length ? null : el("p", { class: "note" }, "No bars, so no months."));
}
