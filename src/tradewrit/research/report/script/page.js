/* The report of one backtest. */
show(
  header(), tiles(),
  curve.t.length ? [curvesSection("Equity", metrics.exposure), metrics.trades || data.open_positions ? monthsSection() : null] : null,
  metrics.trades ? [
    el("div", { class: "pair" }, distributionSection(),
      el("div", { class: "stack" }, groupSection("By exit reason", "Exit reason", data.by_exit_reason), data.drawdowns.length ? drawdownsSection() : null)),
    excursionSection(),
  ] : null,
  data.charts.length ? priceSection() : null,
  metrics.trades ? [tradesSection(), groupSection("By symbol", "Symbol", data.by_symbol, true)] : null,
  figuresSection(), footer(),
);
