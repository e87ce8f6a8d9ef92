/* What was run on what, the notes, and the figures that are looked at first. */
const metrics = data.metrics;
/* What is scaled to a year says nothing about days: below this a headline leaves it out. */
const SHORTEST_YEARS = 1 / 12;

function header() {
  const parameters = Object.entries(data.parameters);
  return el("header", null,
    el("h1", null, data.title),
    factsLine([["Strategy", data.strategy], ...dataFacts(), ["Sizing", data.sizing], ["Engine", data.engine]]),
    parameters.length ? el("details", { class: "parameters" }, el("summary", null, count(parameters.length, "parameter")),
      el("dl", null, parameters.map(([name, value]) => [el("dt", null, name), el("dd", null, value)]))) : null,
    metrics.trades ? null : el("div", { class: "banner", role: "note", id: "no-trades" }, noTrades()),
    notes());
}
function noTrades() {
  const open = data.open_positions;
  return "No trade was closed in this test. " + (open
    ? `${count(open, "position")} still open at the end ${open === 1 ? "is" : "are"} marked at the last close, so equity moved, but there is no trade to judge.`
    : "No position was taken; equity is what it was at the start.");
}
function tiles() {
  const held = metrics.benchmark_return, against = metrics.benchmark === "buy and hold" ? "buy & hold" : metrics.benchmark;
  const arrow = (value) => (value > 0 ? "\u25b2 " : value < 0 ? "\u25bc " : "");
  const tile = (name, value, aside, hue) => el("div", { class: "tile" }, el("div", { class: "name" }, name),
    el("div", { class: "value " + (hue || "") }, value.replace("\u00a0", " ")), el("div", { class: "aside" }, aside || "\u00a0"));
  const isBrief = metrics.years < SHORTEST_YEARS, yearly = (text) => (isBrief ? "\u2013" : text), gain = metrics.total_return, short = (value) => money(value, 2, brief);
  return el("section", { class: "tiles", "aria-label": "Headline figures" },
    tile("Final equity", short(data.final_equity), "from " + short(data.initial_cash)),
    tile("Total return", arrow(gain) + fraction(gain === null ? null : Math.abs(gain)), known(held) ? against + " " + signed(fraction(held, 1), held) : null, tone(gain)),
    tile("CAGR", yearly(signed(fraction(metrics.cagr), metrics.cagr)), isBrief ? "less than a month" : metrics.years && metrics.years < 1 ? `from ${Math.round(metrics.years * 365.25)} days` : "per year"),
    tile("Max drawdown", fraction(metrics.max_drawdown), "longest " + duration(metrics.longest_drawdown_ns), tone(metrics.max_drawdown)),
    tile("Sharpe", yearly(ratio(metrics.sharpe)), metrics.volatility === null ? null : "volatility " + fraction(metrics.volatility, 1)),
    tile("Alpha", yearly(signed(fraction(metrics.alpha), metrics.alpha)), known(metrics.beta) ? `${isBrief ? "" : "per year, "}beta ${ratio(metrics.beta)}` : "needs a benchmark", isBrief ? "" : tone(metrics.alpha)),
    tile("Trades", WRITE.count(metrics.trades), data.open_positions ? count(data.open_positions, "position") + " still open" : "none left open"),
    tile("Win rate", fraction(metrics.win_rate, 1), metrics.trades ? `${WRITE.count(metrics.wins)} won, ${WRITE.count(metrics.losses)} lost` : null),
    tile("Profit factor", ratio(metrics.profit_factor), metrics.trades && !metrics.losses ? "no losing trade" : "gross profit / loss"),
    tile("Expectancy", signed(short(metrics.expectancy), metrics.expectancy), known(metrics.sqn) ? "per trade, SQN " + ratio(metrics.sqn) : "per trade", tone(metrics.expectancy)),
    tile("Exposure", fraction(metrics.exposure, 1), known(metrics.time_in_market) ? "invested " + fraction(metrics.time_in_market, 0) + " of the time" : null),
    tile("Fees", short(metrics.fees), known(metrics.turnover) ? "turnover " + ratio(metrics.turnover, 1) + "\u00d7" : null));
}
