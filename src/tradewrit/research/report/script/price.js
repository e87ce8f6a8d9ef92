/* The price of one symbol with its trades: entries, exits, stops and targets. */
const LEVELS = 60;
const DENSE = 400;
/* So many of the last trades are in view at first, so that each can be read. */
const AT_FIRST = 25;
const chartState = { focus: () => {} };
function priceSection() {
  const charts = data.charts.map(candles);
  const bySymbol = new Map(charts.map((chart) => [chart.symbol, []]));
  for (const trade of trades) if (bySymbol.has(trade.symbol)) bySymbol.get(trade.symbol).push(trade);
  for (const list of bySymbol.values()) list.sort((a, b) => a.entryTime - b.entryTime);
  let chart = charts[0], mine = bySymbol.get(chart.symbol), from = 0, to = chart.t.length - 1, mode = "auto", isLog = false, picked = null, chosen = null;
  const box = figure("Price with the trades of one symbol", draw);
  const summary = el("p", { class: "note" });
  const select = el("select", { "aria-label": "Symbol", onchange: () => open(charts[select.selectedIndex]) },
    charts.map((one) => el("option", null, one.symbol + " (" + bySymbol.get(one.symbol).length.toLocaleString("en-US") + ")")));
  const modes = ["Line", "Candles"].map((name) => el("button", { type: "button", "aria-pressed": "false", onclick: () => { mode = name; box.redraw(); } }, name));
  const previous = el("button", { type: "button", onclick: () => walk(-1) }, "\u2190 Trade");
  const next = el("button", { type: "button", onclick: () => walk(1) }, "Trade \u2192");
  const logScale = toggle("Log scale", false, (on) => { isLog = on; box.redraw(); });
  const all = el("button", { type: "button", onclick: () => { picked = null; view(0, chart.t.length - 1); } }, "Whole test");
  const index = (at) => Math.max(rank(chart.t, at) - 1, 0);

  function open(one) {
    chart = one;
    mine = bySymbol.get(one.symbol);
    select.selectedIndex = charts.indexOf(one);
    picked = null;
    /* A price that multiplied is a curve against the floor on a straight scale. */
    const [low, high] = extent([one.low, one.high], 0, one.t.length - 1);
    isLog = low > 0 && high > 4 * low;
    logScale.setAttribute("aria-pressed", String(isLog));
    view(...atFirst());
  }
  /* The last trades, each readable, or everything where there are few. */
  function atFirst() {
    const last = chart.t.length - 1;
    if (mine.length <= AT_FIRST) return [0, last];
    return [index(mine[mine.length - AT_FIRST].entryTime) - 10, Math.max(...mine.slice(-AT_FIRST).map((trade) => index(trade.exitTime))) + 10];
  }
  function view(first, end) {
    [from, to, chosen] = [Math.max(0, first), Math.min(chart.t.length - 1, end), null];
    box.redraw();
  }
  function focus(trade) {
    const one = charts.find((candidate) => candidate.symbol === trade.symbol);
    if (!one) return false;
    if (one !== chart) open(one);
    picked = trade;
    const [a, b] = [index(trade.entryTime), index(trade.exitTime)], pad = Math.max(20, Math.round((b - a) * 0.8));
    view(a - pad, b + pad);
    return true;
  }
  function walk(by) {
    if (!mine.length) return;
    const at = picked ? mine.indexOf(picked) + by : by > 0 ? 0 : mine.length - 1;
    focus(mine[(at + mine.length) % mine.length]);
  }
  chartState.focus = (trade) => { if (focus(trade)) box.scrollIntoView({ block: "center" }); };

  /* Candles in view, merged so that none is thinner than `room` pixels. */
  function inView(width, room) {
    const each = Math.max(1, Math.ceil((to - from + 1) / (width / room))), rows = [];
    for (let i = from; i <= to; i += each) {
      const end = Math.min(i + each - 1, to);
      let high = -Infinity, low = Infinity;
      for (let k = i; k <= end; k++) { high = Math.max(high, chart.high[k]); low = Math.min(low, chart.low[k]); }
      rows.push({ first: i, end, open: chart.open[i], close: chart.close[end], high, low });
    }
    return rows;
  }
  function drawCandles(x, y, width) {
    const rows = inView(width, 4), body = { up: "", down: "" }, wick = { up: "", down: "" };
    for (const row of rows) {
      const kind = row.close >= row.open ? "up" : "down", middle = (x(row.first) + x(row.end)) / 2;
      const half = Math.max(((x(row.end) - x(row.first) + x(1) - x(0)) * 0.7) / 2, 0.8);
      wick[kind] += `M${middle.toFixed(1)} ${y(row.high).toFixed(1)}V${y(row.low).toFixed(1)}`;
      const top = y(Math.max(row.open, row.close)), thick = Math.max(y(Math.min(row.open, row.close)) - top, 0.8);
      body[kind] += `M${(middle - half).toFixed(1)} ${top.toFixed(1)}h${(2 * half).toFixed(1)}v${thick.toFixed(1)}h${(-2 * half).toFixed(1)}Z`;
    }
    /* Rising candles are hollow, falling ones filled: readable without colour. */
    return [
      shape("path", { d: wick.up, stroke: "var(--up)", fill: "none" }), shape("path", { d: wick.down, stroke: "var(--down)", fill: "none" }),
      shape("path", { d: body.up, stroke: "var(--up)", fill: "var(--sheet)" }), shape("path", { d: body.down, stroke: "var(--down)", fill: "var(--down)" })];
  }
  function drawLine(x, y, width) {
    const rows = inView(width, 1);
    const band = path(rows.map((row) => [x(row.end), y(row.high)])) + path(rows.map((row) => [x(row.end), y(row.low)]).reverse()).replace("M", "L") + "Z";
    return [shape("path", { d: band, fill: "var(--price)", "fill-opacity": 0.13 }),
      shape("path", { d: path(rows.map((row) => [x(row.end), y(row.close)])), fill: "none", stroke: "var(--price)", "stroke-width": 1.3 })];
  }
  /* Up triangles buy, down triangles sell; entries are filled, exits are outlines. */
  const triangle = (x, y, up, size) => `M${x.toFixed(1)} ${y.toFixed(1)}l${size} ${up ? size * 1.6 : -size * 1.6}h${-2 * size}Z`;
  /* Too many to tell apart: one tick per trade at the foot, winners pointing up from the line, losers down. */
  function drawDense(x, bottom, shown) {
    const ticks = { up: "", down: "" }, foot = bottom - 12;
    for (const trade of shown) ticks[trade.pnl > 0 ? "up" : "down"] += `M${x(index(trade.exitTime)).toFixed(1)} ${foot}v${trade.pnl > 0 ? -10 : 10}`;
    return [shape("path", { d: ticks.up, stroke: "var(--up)", "stroke-opacity": 0.55 }), shape("path", { d: ticks.down, stroke: "var(--down)", "stroke-opacity": 0.55 })];
  }
  function drawTrades(x, y, shown) {
    const size = shown.length > 250 ? 3 : shown.length > 80 ? 4 : 6, off = size > 3 ? 4 : 1;
    const marks = { buyIn: "", buyOut: "", sellIn: "", sellOut: "" }, links = { up: "", down: "" }, levels = { stop: "", target: "" };
    for (const trade of shown) {
      const [x0, y0, x1, y1] = [x(index(trade.entryTime)), y(trade.entryPrice), x(index(trade.exitTime)), y(trade.exitPrice)];
      const isLong = trade.side > 0;
      marks[isLong ? "buyIn" : "sellIn"] += triangle(x0, y0 + (isLong ? off : -off), isLong, size);
      marks[isLong ? "sellOut" : "buyOut"] += triangle(x1, y1 + (isLong ? -off : off), !isLong, size);
      links[trade.pnl > 0 ? "up" : "down"] += `M${x0.toFixed(1)} ${y0.toFixed(1)}L${x1.toFixed(1)} ${y1.toFixed(1)}`;
      if (shown.length <= LEVELS) for (const name of ["stop", "target"])
        if (known(trade[name])) levels[name] += `M${x0.toFixed(1)} ${y(trade[name]).toFixed(1)}H${Math.max(x1, x0 + 3).toFixed(1)}`;
    }
    const ink = { stroke: "var(--sheet)", "stroke-width": size > 3 ? 1 : 0.4 };
    return [
      shape("path", { d: levels.stop, stroke: "var(--down)", "stroke-width": 1.3, "stroke-dasharray": "2 3", fill: "none" }),
      shape("path", { d: levels.target, stroke: "var(--up)", "stroke-width": 1.3, "stroke-dasharray": "7 3", fill: "none" }),
      shape("path", { d: links.up, stroke: "var(--up)", "stroke-width": 1.2, fill: "none" }),
      shape("path", { d: links.down, stroke: "var(--down)", "stroke-width": 1.2, "stroke-dasharray": "4 2", fill: "none" }),
      shape("path", { d: marks.buyIn, fill: "var(--up)", ...ink }), shape("path", { d: marks.sellIn, fill: "var(--down)", ...ink }),
      shape("path", { d: marks.buyOut, fill: "var(--sheet)", stroke: "var(--up)", "stroke-width": 1.5 }),
      shape("path", { d: marks.sellOut, fill: "var(--sheet)", stroke: "var(--down)", "stroke-width": 1.5 })];
  }
  function drawPicked(x, y, trade) {
    const [x0, x1] = [x(index(trade.entryTime)), Math.max(x(index(trade.exitTime)), x(index(trade.entryTime)) + 6)];
    const zone = (level, hue) => known(level) ? shape("rect", { x: x0, width: x1 - x0, y: Math.min(y(level), y(trade.entryPrice)), height: Math.abs(y(level) - y(trade.entryPrice)), fill: `var(${hue})`, "fill-opacity": 0.12 }) : null;
    return [zone(trade.target, "--up"), zone(trade.stop, "--down")];
  }
  function namePicked(x, y, trade) {
    const x1 = Math.max(x(index(trade.exitTime)), x(index(trade.entryTime)) + 6);
    const named = (level, text) => known(level) ? label(x1 + 6, y(level) + 4, text + " " + price(level, chart.decimals), "start", "halo") : null;
    return [named(trade.target, "target"), named(trade.stop, "stop")];
  }
  function draw(full) {
    const right = 74, width = full - right, top = 10, high = full < 700 ? 270 : 380, bottom = top + high, height = bottom + 24;
    const svg = canvas(full, height), clip = shape("clipPath", { id: "plot" }, shape("rect", { x: 0, y: top - 4, width, height: high + 4 }));
    const slots = Math.max(to - from + 1, 2);
    const x = (i) => ((i - from + 0.5) / slots) * width;
    const ends = [chart.t[from], to + 1 < chart.t.length ? chart.t[to + 1] : Infinity];
    const shown = mine.filter((trade) => trade.exitTime >= ends[0] && trade.entryTime < ends[1]);
    let range = extent([chart.high, chart.low], from, to);
    /* Levels far from every price in view would press the prices flat; those of a picked trade are asked for. */
    const span = range[1] - range[0], isNear = (level) => picked || (level > range[0] - span && level < range[1] + span);
    const levels = (picked ? [picked] : shown.length <= LEVELS ? shown : []).flatMap((trade) => [trade.stop, trade.target]).filter((level) => known(level) && isNear(level));
    if (levels.length) range = [Math.min(range[0], ...levels), Math.max(range[1], ...levels)];
    const isDense = shown.length > DENSE;
    range = isLog && range[0] > 0 ? [range[0] / Math.pow(range[1] / range[0], isDense ? 0.1 : 0.04), range[1] * Math.pow(range[1] / range[0], 0.04)] : padded(range, 0.04);
    if (isDense && !isLog) range[0] -= (range[1] - range[0]) * 0.06;
    const bend = isLog && range[0] > 0 ? Math.log : (v) => v;
    const y = (v) => bottom - ((bend(v) - bend(range[0])) / (bend(range[1]) - bend(range[0]))) * high;
    const ticks = bend === Math.log ? spreadTicks(range[0], range[1], 7) : roundTicks(range[0], range[1], 7), places = Math.max(placesFor(ticks), 2);
    for (const tick of ticks) svg.append(shape("line", { class: "grid", x1: 0, x2: width, y1: y(tick), y2: y(tick) }), label(width + 8, y(tick) + 4, brief(tick, places)));
    const dates = timeTicks(chart.t[from], chart.t[to], width / 105);
    let after = 18;
    for (const at of dates.ticks) {
      const px = x(Math.min(rank(chart.t, at - 1), to));
      svg.append(shape("line", { class: "grid", x1: px, x2: px, y1: top, y2: bottom }));
      if (px < after || px > width - 14) continue;
      svg.append(label(px, bottom + 18, tickText(at, dates.step), "middle"));
      after = px + 58;
    }
    const isLine = mode === "Line" || (mode === "auto" && slots > width / 4);
    modes.forEach((button, i) => button.setAttribute("aria-pressed", String(isLine === (i === 0))));
    const layer = shape("g", { "clip-path": "url(#plot)" }, picked ? drawPicked(x, y, picked) : null,
      isLine ? drawLine(x, y, width) : drawCandles(x, y, width), isDense ? drawDense(x, bottom, shown) : drawTrades(x, y, shown), picked ? namePicked(x, y, picked) : null);
    const cursor = shape("line", { class: "cursor", y1: top, y2: bottom, visibility: "hidden" });
    const ring = shape("circle", { r: 9, fill: "none", stroke: "var(--ink)", "stroke-width": 1.5, visibility: "hidden" });
    const hint = tip(box);
    svg.append(clip, layer, cursor, ring);
    all.disabled = from === 0 && to === chart.t.length - 1;
    previous.disabled = next.disabled = !mine.length;
    const merged = chart.merged > 1 ? ` Each point merges ${chart.merged.toLocaleString("en-US")} bars.` : "";
    summary.textContent = `${chart.symbol}: ${count(shown.length, "trade")} in view, ${moment(chart.t[from])} to ${moment(chart.t[to])} UTC.${merged}` +
      (isDense ? " Too many to mark each: ticks at the foot are exits, up for won and down for lost. Zoom in for entries and exits." : shown.length > LEVELS ? ` Stops and targets appear when ${LEVELS} trades or fewer are in view.` : "");
    const leave = () => { hint.hidden = true; chosen = null; cursor.setAttribute("visibility", "hidden"); ring.setAttribute("visibility", "hidden"); };
    const tradeAt = (px, py) => {
      let best = null, least = 14;
      if (!isDense) for (const trade of shown) for (const [at, cost] of [[trade.entryTime, trade.entryPrice], [trade.exitTime, trade.exitPrice]]) {
        const away = Math.hypot(x(index(at)) - px, y(cost) - py);
        if (away < least) [best, least] = [{ trade, x: x(index(at)), y: y(cost) }, away];
      }
      return best;
    };
    const show = (i) => {
      chosen = i;
      cursor.setAttribute("x1", x(i));
      cursor.setAttribute("x2", x(i));
      cursor.setAttribute("visibility", "visible");
      hint.show(x(i), top + 4, moment(chart.t[i]) + " UTC", ["open", "high", "low", "close"].map((name) => [name[0].toUpperCase() + name.slice(1), price(chart[name][i], chart.decimals)]));
    };
    const at = (px, py) => {
      const found = py === undefined ? null : tradeAt(px, py);
      ring.setAttribute("visibility", found ? "visible" : "hidden");
      if (!found) return show(Math.min(Math.max(Math.floor((px / width) * slots) + from, from), to));
      cursor.setAttribute("visibility", "hidden");
      ring.setAttribute("cx", found.x);
      ring.setAttribute("cy", found.y);
      hint.show(found.x, found.y + 12, `Trade ${found.trade.number}, ${found.trade.side > 0 ? "long" : "short"}`, tradeFacts(found.trade, chart.decimals));
    };
    const inverse = (px) => Math.min(Math.max(Math.floor((px / width) * slots) + from, 0), chart.t.length - 1);
    pointer(box, svg, { left: 0, top, width, height: high, full }, {
      at, leave,
      zoom: (a, b) => { if (inverse(b) - inverse(a) > 3) { picked = null; view(inverse(a), inverse(b)); } },
      click: (px, py) => { const found = tradeAt(px, py); if (found) focus(found.trade); },
      step: (by) => show(Math.min(Math.max((chosen ?? (by > 0 ? from - 1 : to + 1)) + by, from), to)),
      reset: () => all.click(),
    });
    return [svg, hint];
  }
  const mark = (up, hue, hollow) => shape("svg", { width: 13, height: 11, "aria-hidden": "true" },
    shape("path", { d: up ? "M6.5 1l5 9h-10Z" : "M6.5 10l5 -9h-10Z", fill: hollow ? "var(--sheet)" : `var(${hue})`, stroke: `var(${hue})`, "stroke-width": 1.3 }));
  const sides = (side) => trades.some((trade) => trade.side === side);
  open(chart);
  const missing = data.symbol_count - charts.length;
  return section(metrics.trades ? "Trades on the chart" : "Price", {
    tools: [select, ...modes, logScale, ...(metrics.trades ? [previous, next] : []), all],
  }, metrics.trades ? legend(...(sides(1) ? [[mark(true, "--up"), "buy to open"], [mark(false, "--down", true), "sell to close"]] : []),
    ...(sides(-1) ? [[mark(false, "--down"), "sell short"], [mark(true, "--up", true), "buy to cover"]] : []),
    [swatch({ stroke: "var(--up)", "stroke-width": 1.5 }), "won"], [swatch({ stroke: "var(--down)", "stroke-width": 1.5, "stroke-dasharray": "4 2" }), "lost"],
    [swatch({ stroke: "var(--down)", "stroke-width": 1.5, "stroke-dasharray": "2 3" }), "stop"], [swatch({ stroke: "var(--up)", "stroke-width": 1.5, "stroke-dasharray": "7 3" }), "target"]) : null,
  box, summary,
  el("p", { class: "note screen" }, "Drag to zoom, double-click to zoom out" + (metrics.trades ? ", click a marker or a row of the trade table to see one trade." : ".") +
    (missing > 0 ? ` ${count(missing, "symbol")} without a chart here.` : "") +
    (data.trades.total > trades.length ? ` ${trades.length.toLocaleString("en-US")} of ${data.trades.total.toLocaleString("en-US")} trades are drawn, spread evenly.` : "")));
}
function tradeFacts(trade, places) {
  return [["Quantity", quantity(trade.quantity)],
    ["Entry", price(trade.entryPrice, places) + " at " + moment(trade.entryTime)], ["Exit", price(trade.exitPrice, places) + " at " + moment(trade.exitTime)],
    ["Reason", trade.reason], ...(known(trade.stop) ? [["Stop", price(trade.stop, places)]] : []), ...(known(trade.target) ? [["Target", price(trade.target, places)]] : []),
    ...(known(trade.adverse) ? [["Went against, in favour", fraction(trade.adverse, 1) + ", " + signed(fraction(trade.favourable, 1), trade.favourable)]] : []),
    ["P&L", signed(money(trade.pnl), trade.pnl) + (known(trade.gain) ? " (" + signed(fraction(trade.gain), trade.gain) + ")" : "")]];
}
