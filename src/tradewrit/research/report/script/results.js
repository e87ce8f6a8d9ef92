/* How trades ended, and how far they went against and in favour on the way. */
function distributionSection() {
  const [edges, counts] = data.histogram;
  const box = figure("Distribution of profit and loss per trade", (full) => {
    const left = 38, right = 10, width = full - left - right, top = 12, high = 240, height = top + high + 40;
    const svg = canvas(full, height), most = Math.max(...counts, 1);
    const x = (v) => left + ((v - edges[0]) / (edges[edges.length - 1] - edges[0])) * width;
    const y = (n) => top + high - (n / most) * high;
    const hint = tip(box);
    for (const tick of roundTicks(0, most, 4).filter(Number.isInteger))
      svg.append(shape("line", { class: "grid", x1: left, x2: left + width, y1: y(tick), y2: y(tick) }), label(left - 8, y(tick) + 4, plain(tick, 0), "end"));
    const ticks = roundTicks(edges[0], edges[edges.length - 1], width / 80), places = placesFor(ticks);
    for (const tick of ticks) svg.append(label(x(tick), top + high + 17, plain(tick, places), "middle"));
    counts.forEach((number, i) => {
      const [a, b] = [edges[i], edges[i + 1]], open = (i === 0 || i === counts.length - 1) && counts.length > 2;
      const bar = shape("rect", { x: x(a) + 0.75, y: y(number), width: Math.max(x(b) - x(a) - 1.5, 1), height: top + high - y(number), fill: `var(--${b <= 0 ? "down" : "up"})`, "fill-opacity": b <= 0 ? 0.75 : 0.9 });
      const pad = shape("rect", { x: x(a), y: top, width: x(b) - x(a), height: high, fill: "transparent" });
      const words = open && i === 0 ? "below " + money(b) : open ? money(a) + " and above" : money(a) + " to " + money(b);
      pad.addEventListener("pointerenter", () => hint.show(x(b), top, words, [["Trades", number.toLocaleString("en-US")], ["Part", fraction(number / metrics.trades, 1)]]));
      pad.addEventListener("pointerleave", () => { hint.hidden = true; });
      svg.append(bar, pad);
    });
    svg.append(shape("line", { class: "axis", x1: left, x2: left + width, y1: top + high, y2: top + high }),
      shape("line", { x1: x(0), x2: x(0), y1: top, y2: top + high + 4, stroke: "var(--ink)", "stroke-width": 1 }));
    if (known(metrics.expectancy)) {
      const at = Math.min(Math.max(x(metrics.expectancy), left), left + width);
      svg.append(shape("line", { x1: at, x2: at, y1: top, y2: top + high, stroke: "var(--equity)", "stroke-width": 1.5, "stroke-dasharray": "4 3" }));
    }
    svg.append(label(left + width / 2, height - 3, "Profit or loss of a trade after fees, " + data.currency, "middle"));
    return [svg, hint];
  });
  return section("Distribution of trade results", {
    legend: legend([swatch({ stroke: "var(--down)", "stroke-width": 8 }), "Loss"], [swatch({ stroke: "var(--up)", "stroke-width": 8 }), "Profit"],
      [swatch({ stroke: "var(--equity)", "stroke-width": 2, "stroke-dasharray": "4 3" }), "Mean " + money(metrics.expectancy)]),
  }, box);
}

/* How far an axis reaches: one trade of hundreds does not squeeze all others into a corner. */
function reach(values) {
  const sorted = [...values].sort((a, b) => a - b), most = sorted[sorted.length - 1] ?? 0;
  const usual = sorted[Math.floor((sorted.length - 1) * 0.995)] ?? 0;
  return sorted.length >= 100 && usual > 0 && most > 2 * usual ? 1.5 * usual : most;
}
/* One panel of excursions: `field` across, result up; below the dashed line no trade can end. */
function scatter(field, words, tilt) {
  const drawn = trades.filter((trade) => known(trade[field]) && known(trade.gain));
  const farthest = reach(drawn.map((trade) => Math.abs(trade[field])));
  const [lowest, highest] = [-reach(drawn.map((trade) => Math.max(-trade.gain, 0))), reach(drawn.map((trade) => Math.max(trade.gain, 0)))];
  const beyond = drawn.filter((trade) => Math.abs(trade[field]) > farthest || trade.gain < lowest || trade.gain > highest).length;
  const box = figure(words + " of each trade against its result", (full) => {
    const left = 46, right = 12, width = full - left - right, top = 12, high = 230, bottom = top + high;
    const svg = canvas(full, bottom + 40), most = Math.max(farthest, 0.001) * 1.05;
    const [low, top_] = padded([lowest, highest], 0.06);
    const x = (v) => left + (v / most) * width, y = (v) => bottom - ((v - low) / (top_ - low)) * high;
    /* What lies beyond is drawn on the edge. */
    const place = (trade) => [x(Math.min(Math.abs(trade[field]), farthest)), y(Math.min(Math.max(trade.gain, lowest), highest))];
    const ups = roundTicks(low, top_, 5), across = roundTicks(0, most, width / 90);
    const upText = percentTicks(ups), acrossText = percentTicks(across);
    for (const tick of ups) svg.append(shape("line", { class: tick === 0 ? "zero" : "grid", x1: left, x2: left + width, y1: y(tick), y2: y(tick) }), label(left - 8, y(tick) + 4, upText(tick), "end"));
    for (const tick of across) svg.append(shape("line", { class: "grid", x1: x(tick), x2: x(tick), y1: top, y2: bottom }), label(x(tick), bottom + 17, acrossText(tick), "middle"));
    const clip = shape("clipPath", { id: "scatter-" + field }, shape("rect", { x: left, y: top, width, height: high }));
    const plot = shape("g", { "clip-path": `url(#scatter-${field})` },
      shape("line", { x1: x(0), y1: y(0), x2: x(most), y2: y(tilt * most), stroke: "var(--quiet)", "stroke-dasharray": "4 3" }));
    const size = drawn.length > 1000 ? 3 : drawn.length > 200 ? 4.5 : 6;
    for (const [hue, list] of [["--down", drawn.filter((trade) => trade.pnl <= 0)], ["--up", drawn.filter((trade) => trade.pnl > 0)]])
      plot.append(shape("path", { d: list.map((trade) => `M${place(trade).map((v) => v.toFixed(1)).join(" ")}h0`).join(""), stroke: `var(${hue})`, "stroke-width": size, "stroke-linecap": "round", "stroke-opacity": 0.65, fill: "none" }));
    const ring = shape("circle", { r: 7, fill: "none", stroke: "var(--ink)", "stroke-width": 1.5, visibility: "hidden" }), hint = tip(box);
    svg.append(clip, plot, ring, label(left + width / 2, bottom + 36, words, "middle"));
    const find = (px, py) => {
      let best = null, least = 18;
      for (const trade of drawn) {
        const [cx, cy] = place(trade), far = Math.hypot(cx - px, cy - py);
        if (far < least) [best, least] = [trade, far];
      }
      return best;
    };
    const leave = () => { hint.hidden = true; ring.setAttribute("visibility", "hidden"); };
    const at = (px, py) => {
      const trade = py === undefined ? null : find(px, py);
      if (!trade) return leave();
      const [cx, cy] = place(trade);
      ring.setAttribute("cx", cx);
      ring.setAttribute("cy", cy);
      ring.setAttribute("visibility", "visible");
      hint.show(cx, cy + 8, `Trade ${trade.number}, ${trade.symbol} ${trade.side > 0 ? "long" : "short"}`, tradeFacts(trade, tradePlaces(trade.entryPrice)));
    };
    pointer(box, svg, { left, top, width, height: high, full }, {
      at, leave, zoom: () => {}, step: () => {}, reset: () => {},
      click: (px, py) => { const trade = find(px, py); if (trade) chartState.focus(trade); },
    });
    return [svg, hint];
  });
  return el("div", null, box, beyond ? el("p", { class: "note" }, `${count(beyond, "trade")} beyond the edge ${beyond === 1 ? "is" : "are"} drawn on it.`) : null);
}
function excursionSection() {
  if (!trades.some((trade) => known(trade.adverse))) return null;
  return section("Excursions: what trades went through", {
    legend: legend([dot({ fill: "var(--up)" }), "won"], [dot({ fill: "var(--down)" }), "lost"],
      [swatch({ stroke: "var(--quiet)", "stroke-width": 1.5, "stroke-dasharray": "4 3" }), "left at the worst, or best, price it saw"]),
  }, el("div", { class: "halves" }, scatter("adverse", "Went against by (MAE), result after fees upwards", -1), scatter("favourable", "Went in favour by (MFE), result after fees upwards", 1)),
  el("p", { class: "note" }, `Winners went ${fraction(known(metrics.winners_mae) ? -metrics.winners_mae : null, 1)} against on average before they won; losers were ${fraction(metrics.losers_mfe, 1)} ahead on average before they lost. Fractions of the entry price.`));
}
