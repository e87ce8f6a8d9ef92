/* The deepest falls, one row each. */
function drawdownsSection() {
  const last = data.period[1];
  /* The hour matters to a fall of hours. */
  const day = (ms, fall) => moment(ms, fall.length > 3 * DAY ? DAY : data.interval_ms);
  const columns = [
    column("Depth", (d) => -d.depth, (d) => fraction(d.depth)),
    column("Peak", (d) => d.peak, (d) => day(d.peak, d)),
    column("Low", (d) => d.trough, (d) => day(d.trough, d)),
    column("Recovered", (d) => d.recovered ?? last + 1, (d) => (d.recovered === null ? "not yet" : day(d.recovered, d))),
    column("Length", (d) => d.length, (d) => duration(d.length)),
  ];
  return section("Deepest drawdowns", { class: "compact" }, ...sortable(columns, data.drawdowns, { by: 0, falling: true }),
    el("p", { class: "note" }, `All drawdowns on average: ${fraction(metrics.average_drawdown)} deep, ${duration(metrics.average_drawdown_ns)} long.`));
}
