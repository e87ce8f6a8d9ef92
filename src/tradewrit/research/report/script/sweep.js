/* The page of a sweep. */
function sweepHeader() {
  const base = Object.entries(data.base).map(([name, value]) => `${name} ${value}`).join(", ");
  const walk = data.walk ? `${data.walk}, ${count(data.choices.length, "split")}` : "none";
  return el("header", null, el("h1", null, data.title),
    factsLine([["Strategy", data.strategy], ...dataFacts()]),
    factsLine([["Search", data.search + (data.search === "grid" ? "" : `, seed ${data.seed}`)], ["Looked for", `highest ${data.label}, ${count(data.least_trades, "trade")} at least`], ["Walk-forward", walk], ...(base ? [["Fixed", base]] : [])]),
    el("div", { class: "banner", role: "note", id: "sentences" }, el("ul", null, data.sentences.map((text) => el("li", null, text)))));
}
function sweepTiles() {
  const tile = (name, value, aside, hue) => el("div", { class: "tile" }, el("div", { class: "name" }, name), el("div", { class: "value " + (hue || "") }, value), el("div", { class: "aside" }, aside || "\u00a0"));
  const mean = (list) => { const all = list.filter(known); return all.length ? all.reduce((a, b) => a + b, 0) / all.length : null; };
  const of = (field) => mean(data.choices.map((one) => one[field]));
  const strung = data.strung, per = data.walk ? "mean of the splits" : "of the best point";
  return el("section", { class: "tiles", "aria-label": "Headline figures" },
    tile("Trials", plain(data.total, 0), data.runs.kept ? plain(data.runs.kept, 0) + " runs kept from before" : count(data.runs.made, "run")),
    tile(`${data.label}, in sample`, scoreText(of("score")), per, tone(of("score"))),
    tile("Best Sharpe by luck alone", ratio(of("by_luck")), `reached ${ratio(of("sharpe"))}`),
    deflatedTile(tile),
    tile(`${data.label}, out of sample`, scoreText(of("score_outside")), data.walk ? "mean of the splits" : "nothing was held back", tone(of("score_outside"))),
    tile("Return of the tests", strung ? signed(fraction(strung.total_return), strung.total_return) : NONE, strung ? `${count(strung.count, "day")}, ${count(strung.trades, "trade")}` : "needs --walk-forward", strung && tone(strung.total_return)));
}
/* Of one choice the probability; of several, how many pass: a mean of probabilities says nothing. */
function deflatedTile(tile) {
  const all = data.choices.map((one) => one.deflated).filter(known), passed = all.filter((one) => one >= 0.95).length;
  const hue = all.length ? (passed === all.length ? "up" : "down") : null;
  if (!all.length) return tile("Deflated Sharpe ratio", NONE, "there is no Sharpe ratio");
  if (data.choices.length > 1) return tile("Deflated Sharpe ratio", `${passed} of ${data.choices.length}`, "splits told from luck (0.95)", hue);
  return tile("Deflated Sharpe ratio", ratio(all[0]), passed ? "told from luck" : "not told from luck (0.95)", hue);
}
function splitsSection() {
  if (!data.walk || !data.choices.length) return null;
  const span = ([from, to]) => moment(from, DAY) + " to " + moment(to, DAY);
  const rows = data.choices.map((one) => el("tr", null,
    el("td", { class: "text" }, String(one.split)), el("td", { class: "text" }, span(one.train)), el("td", { class: "text" }, one.test ? span(one.test) : NONE),
    el("td", { class: "text" }, Object.entries(one.values).map(([name, value]) => `${name} ${valueText(value)}`).join(", ")),
    el("td", { class: tone(one.score) }, scoreText(one.score)), el("td", { class: tone(one.score_outside) }, scoreText(one.score_outside)),
    el("td", { class: tone(one.return_outside) }, fraction(one.return_outside)), el("td", null, known(one.trades_outside) ? plain(one.trades_outside, 0) : NONE),
    el("td", null, ratio(one.by_luck)), el("td", null, ratio(one.deflated))));
  const heads = [["", 1], ["Chosen on", 1], ["Tested on", 1], ["Chosen", 1], ["In sample"], ["Out of sample"], ["Return"], ["Trades"], ["By luck"], ["Deflated"]];
  return section("Chosen, then tested", {}, el("div", { class: "scroll" }, el("table", { class: "compact" },
    el("thead", null, el("tr", null, heads.map(([name, text]) => el("th", { scope: "col", class: text && "text" }, name)))), el("tbody", null, rows))),
    el("p", { class: "note" }, `In sample and out of sample are the ${data.label}. By luck: the best Sharpe ratio a year that ${plain(Math.max(...data.choices.map((one) => one.trials || 0)), 0)} trials without skill are expected to show; deflated: the probability that the one chosen has more to it than that.`));
}
function strungSection() {
  const strung = data.strung;
  if (!strung || strung.days.length < 2) return null;
  const box = figure("Equity of the tests, one after the other", (full, own) => {
    const right = 58, top = 10, high = 240, width = full - right, bottom = top + high, last = strung.days[strung.days.length - 1];
    const svg = canvas(full, bottom + 26), hint = tip(own);
    const [low, most] = padded(extent([strung.equity, [1]], 0, strung.equity.length - 1), 0.06);
    const x = (day) => (day / last) * width, y = (v) => bottom - ((v - low) / (most - low)) * high;
    const ticks = roundTicks(low, most, 5), text = percentTicks(ticks.map((tick) => tick - 1));
    levels(svg, ticks, (tick) => signed(text(tick - 1), tick - 1), y, width);
    strung.starts.forEach(([day, at], i) => {
      svg.append(shape("line", { class: "axis", x1: x(day), x2: x(day), y1: top, y2: bottom + 5 }));
      const next = i + 1 < strung.starts.length ? strung.starts[i + 1][0] : last;
      if (x(next) - x(day) > 76) svg.append(label(x(day) + 5, bottom + 17, moment(at, DAY)));
    });
    svg.append(shape("path", { d: path(strung.days.map((day, i) => [x(day), y(strung.equity[i])])), fill: "none", stroke: "var(--equity)", "stroke-width": 1.9 }));
    const cursor = shape("line", { class: "cursor", y1: top, y2: bottom, visibility: "hidden" });
    svg.append(cursor);
    const leave = () => { hint.hidden = true; cursor.setAttribute("visibility", "hidden"); };
    let at = 0;
    const show_ = (i) => {
      at = i;
      const day = strung.days[i], split = strung.starts.filter(([from]) => from <= day).length;
      cursor.setAttribute("x1", x(day)); cursor.setAttribute("x2", x(day)); cursor.setAttribute("visibility", "visible");
      hint.show(x(day), top, `Day ${plain(day, 0)}, test ${split}`, [["Return so far", signed(fraction(strung.equity[i] - 1), strung.equity[i] - 1)]]);
    };
    pointer(own, svg, { left: 0, top, width, height: high, full }, {
      at: (px) => show_(nearest(strung.days, (px / width) * last)), leave, zoom: () => {}, reset: leave,
      step: (by) => show_(Math.min(Math.max(at + by, 0), strung.days.length - 1)),
    });
    return [svg, hint];
  });
  return section("The tests, one after the other", { legend: legend([swatch({ stroke: "var(--equity)", "stroke-width": 2.4 }), `Sharpe ${ratio(strung.sharpe)} a year, max drawdown ${fraction(strung.max_drawdown)}`]) },
    box, el("p", { class: "note" }, "Each test is traded with what its own split had chosen before, from the same cash; returns are chained. Lines mark where a test begins."));
}
function sidesSection() {
  const drawn = points.filter((p) => !p.failed && p.outside && known(p.inside[0]) && known(p.outside[0]));
  if (drawn.length < 3) return null;
  const box = figure("Every point in sample and out of sample", (full, own) => {
    const left = 62, right = 14, top = 10, high = 300, width = full - left - right, bottom = top + high;
    const svg = canvas(full, bottom + 42), hint = tip(own);
    const xs = drawn.map((p) => p.inside[0]), ys = drawn.map((p) => p.outside[0]);
    const [xl, xh] = padded(extent([xs], 0, xs.length - 1), 0.06), [yl, yh] = padded(extent([ys], 0, ys.length - 1), 0.06);
    const x = (v) => left + ((v - xl) / (xh - xl)) * width, y = (v) => bottom - ((v - yl) / (yh - yl)) * high;
    for (const tick of roundTicks(yl, yh, 5)) svg.append(shape("line", { class: tick === 0 ? "zero" : "grid", x1: left, x2: left + width, y1: y(tick), y2: y(tick) }), label(left - 8, y(tick) + 4, scoreText(tick), "end"));
    for (const tick of roundTicks(xl, xh, width / 90)) svg.append(shape("line", { class: tick === 0 ? "zero" : "grid", x1: x(tick), x2: x(tick), y1: top, y2: bottom }), label(x(tick), bottom + 17, scoreText(tick), "middle"));
    const low = Math.max(xl, yl), most = Math.min(xh, yh);
    if (low < most) svg.append(shape("line", { x1: x(low), y1: y(low), x2: x(most), y2: y(most), stroke: "var(--quiet)", "stroke-dasharray": "4 3" }));
    for (const point of drawn) {
      const cx = x(point.inside[0]), cy = y(point.outside[0]), isBest = point.number === data.best;
      const mark = shape("circle", { cx, cy, r: isBest ? 6 : drawn.length > 600 ? 2 : 4, fill: "var(--equity)", "fill-opacity": isBest ? 1 : 0.5, stroke: isBest ? "var(--ink)" : "none", "stroke-width": 2 });
      mark.addEventListener("pointerenter", () => hint.show(cx, cy, "Point " + point.number, [["In sample", scoreText(point.inside[0])], ["Out of sample", scoreText(point.outside[0])], ...data.axes.map((axis, i) => [axis.name, valueText(point.values[i])])]));
      mark.addEventListener("pointerleave", () => { hint.hidden = true; });
      svg.append(mark);
    }
    svg.append(label(left + width / 2, bottom + 36, `${data.label} in sample; out of sample upwards`, "middle", "strong"));
    return [svg, hint];
  });
  return section("In sample against out of sample", { legend: legend([dot({ fill: "var(--equity)" }), "a point"], [swatch({ stroke: "var(--quiet)", "stroke-width": 1.5, "stroke-dasharray": "4 3" }), "as good out of sample as in it"]) },
    box, el("p", { class: "note" }, known(data.agreement) ? `Rank correlation ${ratio(data.agreement)}: near 1 what was good stayed good, near 0 the choice was luck.` : "Too few points to rank."));
}
function pointsSection() {
  const standing = (p) => (p.failed ? "failed" : p.number === data.best ? "best" : p.eligible ? "" : "left out");
  const sides = (place, word) => [
    column(`${data.label}${word}`, (p) => p[place] && p[place][0], (p) => scoreText(p[place] && p[place][0]), { hue: true }),
    data.objective === "sharpe" ? null : column("Sharpe" + word, (p) => p[place] && p[place][1], (p) => ratio(p[place] && p[place][1])),
    data.objective === "total_return" ? null : column("Return" + word, (p) => p[place] && p[place][2], (p) => fraction(p[place] && p[place][2]), { hue: true }),
    data.objective === "max_drawdown" ? null : column("Drawdown" + word, (p) => p[place] && p[place][3], (p) => fraction(p[place] && p[place][3])),
    column("Trades" + word, (p) => p[place] && p[place][4], (p) => (p[place] ? plain(p[place][4], 0) : NONE)),
  ].filter(Boolean);
  const columns = [
    column("Point", (p) => p.number, (p) => String(p.number)),
    column("", standing, standing, { text: true }),
    ...data.axes.map((axis, i) => column(axis.name, (p) => p.values[i] ?? "", (p) => valueText(p.values[i]), axis.is_ordered ? {} : { text: true })),
    ...sides("inside", data.walk ? ", in" : ""), ...(data.walk ? sides("outside", ", out") : []),
  ];
  return section("Every point", { class: "long" }, ...sortable(columns, points, {
    by: 2 + data.axes.length, falling: true, tall: true,
    note: (shown) => (shown < data.total ? `${plain(shown, 0)} of ${plain(data.total, 0)} points: the best half of these, and others evenly. All are in results.parquet.` : "Click a column to sort. Left out: too few trades in sample, or no score."),
  }));
}
function errorsSection() {
  if (!data.errors.length) return null;
  return section("Where the strategy failed", {}, el("div", { class: "scroll tall" }, el("table", null,
    el("thead", null, el("tr", null, el("th", { scope: "col" }, "Point"), el("th", { scope: "col", class: "text" }, "Error"))),
    el("tbody", null, data.errors.map((one) => el("tr", null, el("td", null, String(one.number)), el("td", { class: "text" }, one.error)))))));
}
show(
  sweepHeader(), sweepTiles(), points.length ? heatSection() : null,
  splitsSection(), strungSection(), sidesSection(), points.length ? pointsSection() : null, errorsSection(),
  el("footer", null, "A backtest shows how rules would have done on the past under stated fill rules; the best of many shows least of all what they will do."),
);
