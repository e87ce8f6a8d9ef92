/* Columns as they were packed (see packing.py), unpacked; and where in them a value stands. */
function times([unit, ...steps]) {
  let at = 0;
  return steps.map((step) => (at += step) * unit);
}
function candles(packed) {
  const t = times(packed.t), size = Math.pow(10, packed.decimals);
  const columns = { open: [], high: [], low: [], close: [] };
  let before = 0;
  for (let i = 0; i < t.length; i++) {
    const open = before + packed.open[i], close = before + packed.close[i];
    columns.open.push(open / size);
    columns.close.push(close / size);
    columns.high.push((Math.max(open, close) + packed.high[i]) / size);
    columns.low.push((Math.min(open, close) - packed.low[i]) / size);
    before = close;
  }
  return { symbol: packed.symbol, merged: packed.merged, decimals: packed.decimals, t, ...columns };
}
function fallsOf(values) {
  let peak = -Infinity;
  return values.map((value) => { peak = Math.max(peak, value); return value / peak - 1; });
}

/* Number of values not above `x` in a rising list. */
function rank(values, x) {
  let low = 0, high = values.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (values[middle] <= x) low = middle + 1; else high = middle;
  }
  return low;
}
function nearest(values, x) {
  const after = Math.min(rank(values, x), values.length - 1);
  return after > 0 && x - values[after - 1] <= values[after] - x ? after - 1 : after;
}
function extent(lists, from, to) {
  let low = Infinity, high = -Infinity;
  for (const list of lists) for (let i = from; i <= to; i++) {
    const value = list[i];
    if (!known(value)) continue;
    if (value < low) low = value;
    if (value > high) high = value;
  }
  return low <= high ? [low, high] : [0, 1];
}
