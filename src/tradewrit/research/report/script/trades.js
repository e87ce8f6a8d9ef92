/* The closed trades: their rows, and tables of them. */
const trades = data.trades.rows.map((row) => ({
  number: row[0], symbol: data.trades.symbols[row[1]], side: row[2], quantity: row[3],
  entryTime: row[4], entryPrice: row[5], exitTime: row[6], exitPrice: row[7],
  reason: data.trades.reasons[row[8]], fees: row[9], pnl: row[10], gain: row[11], stop: row[12], target: row[13],
  adverse: row[14], favourable: row[15], held: row[6] - row[4],
}));

function tradesSection() {
  const columns = [
    column("#", (t) => t.number, (t) => t.number.toLocaleString("en-US")),
    column("Symbol", (t) => t.symbol, null, { text: true }),
    column("Side", (t) => (t.side > 0 ? "long" : "short"), (t) => (t.side > 0 ? "\u25b2 long" : "\u25bc short"), { text: true }),
    column("Quantity", (t) => t.quantity, (t) => quantity(t.quantity)),
    column("Entry", (t) => t.entryTime, (t) => moment(t.entryTime)),
    column("Entry price", (t) => t.entryPrice, (t) => price(t.entryPrice, tradePlaces(t.entryPrice))),
    column("Exit", (t) => t.exitTime, (t) => moment(t.exitTime)),
    column("Exit price", (t) => t.exitPrice, (t) => price(t.exitPrice, tradePlaces(t.exitPrice))),
    column("Reason", (t) => t.reason, null, { text: true }),
    column("Held", (t) => t.held, (t) => duration(t.held)),
    column("MAE", (t) => t.adverse, (t) => fraction(t.adverse, 1)),
    column("MFE", (t) => t.favourable, (t) => fraction(t.favourable, 1)),
    column("Fees", (t) => t.fees, (t) => money(t.fees)),
    column("P&L", (t) => t.pnl, (t) => signed(money(t.pnl), t.pnl), { hue: true }),
    column("Return", (t) => t.gain, (t) => (known(t.gain) ? signed(fraction(t.gain), t.gain) : NONE), { hue: true }),
  ];
  const total = data.trades.total;
  return section("Trades", { class: "long compact" }, ...sortable(columns, trades, {
    by: 0, falling: false, limit: data.listed, tall: true, pick: (trade) => chartState.focus(trade),
    note: (shown) => shown < total ? `${shown.toLocaleString("en-US")} of ${total.toLocaleString("en-US")} trades shown; ${(total - shown).toLocaleString("en-US")} more are counted in every figure above.` +
      (trades.length < total ? ` Sorting looks at the ${trades.length.toLocaleString("en-US")} kept in this file, the best and worst hundred among them.` : "") + " The trades file has them all." : "",
  }));
}
const tradePlaces = (value) => (value >= 10 ? 2 : value >= 0.1 ? 4 : Math.min(14, 5 - Math.floor(Math.log10(value || 1))));
function groupSection(title, first, { groups, total }, withFees) {
  const columns = [
    column(first, (g) => g.name, null, { text: true }),
    column("Trades", (g) => g.trades, (g) => g.trades.toLocaleString("en-US")),
    column("Win rate", (g) => g.win_rate, (g) => fraction(g.win_rate, 1)),
    column("Net P&L", (g) => g.net_profit, (g) => signed(money(g.net_profit), g.net_profit), { hue: true }),
    column("Per trade", (g) => g.expectancy, (g) => signed(money(g.expectancy), g.expectancy), { hue: true }),
    column("Profit factor", (g) => g.profit_factor, (g) => ratio(g.profit_factor)),
    ...(withFees ? [column("Fees", (g) => g.fees, (g) => money(g.fees))] : []),
  ];
  return section(title, { class: "compact" }, ...sortable(columns, groups, { by: 1, falling: true, tall: true, note: () => (total > groups.length ? `The ${groups.length} traded most of ${total.toLocaleString("en-US")} are shown.` : "") }));
}
