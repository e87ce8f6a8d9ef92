"use strict";
/* Draws the report from the JSON block of the page. No library, no request, no storage. */

window.addEventListener("error", (event) => {
  document.documentElement.dataset.error = event.message;
});

(() => {
  const data = JSON.parse(document.getElementById("data").textContent);
  const metrics = data.metrics;
  const page = document.getElementById("page");
  const SVG = document.getElementById("namespace").namespaceURI;
  const DAY = 86400000;
  const MONTHS = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
  const NONE = "\u2013";
  const LEVELS = 25;
  const DENSE = 400;
  const MINUS = "\u2212";

  /* ---- elements: text is only ever set as text, never as markup ---- */
  function fill(node, attributes, children) {
    for (const [name, value] of Object.entries(attributes || {})) {
      if (value === null || value === undefined || value === false) continue;
      if (name.startsWith("on")) node.addEventListener(name.slice(2), value);
      else node.setAttribute(name, value === true ? "" : value);
    }
    node.append(...children.flat(Infinity).filter((child) => child !== null && child !== undefined));
    return node;
  }
  const el = (tag, attributes, ...children) => fill(document.createElement(tag), attributes, children);
  const shape = (tag, attributes, ...children) => fill(document.createElementNS(SVG, tag), attributes, children);
  const label = (x, y, text, anchor, kind) =>
    shape("text", { x, y, "text-anchor": anchor || "start", class: kind }, text);

  /* ---- numbers, money, times as text ---- */
  function plain(value, places) {
    const text = Math.abs(value).toLocaleString("en-US", { minimumFractionDigits: places, maximumFractionDigits: places });
    return value < 0 && /[1-9]/.test(text) ? MINUS + text : text;
  }
  const known = (value) => value !== null && value !== undefined && Number.isFinite(value);
  const signed = (text, value) => (value > 0 && /[1-9]/.test(text) ? "+" + text : text);
  const ratio = (value, places = 2) => (known(value) ? plain(value, places) : NONE);
  const fraction = (value, places = 2) => (known(value) ? plain(value * 100, places) + "%" : NONE);
  function money(value, places = 2) {
    if (!known(value)) return NONE;
    const text = plain(value, places);
    if (data.currency !== "USD") return text + "\u00a0" + data.currency;
    return text.startsWith(MINUS) ? MINUS + "$" + text.slice(1) : "$" + text;
  }
  function price(value, places) {
    return known(value) ? plain(value, Math.max(places ?? 2, 2)) : NONE;
  }
  function quantity(value) {
    return value.toLocaleString("en-US", { maximumFractionDigits: 8 });
  }
  function duration(ms) {
    if (!known(ms)) return NONE;
    const units = [["d", DAY], ["h", 3600000], ["min", 60000], ["s", 1000]];
    const largest = units.findIndex(([, size]) => ms >= size);
    if (largest < 0) return ms ? ms + " ms" : "0";
    const [unit, size] = units[largest];
    const whole = Math.floor(ms / size);
    const next = units[largest + 1];
    const rest = next && whole < 100 ? Math.floor((ms - whole * size) / next[1]) : 0;
    return whole.toLocaleString("en-US") + " " + unit + (rest ? " " + rest + " " + next[0] : "");
  }
  function moment(ms, step = data.interval_ms) {
    if (!known(ms)) return NONE;
    const text = new Date(ms).toISOString();
    if (step >= DAY) return text.slice(0, 10);
    return text.slice(0, 10) + " " + (step >= 60000 ? text.slice(11, 16) : text.slice(11, 19));
  }
  const WRITE = {
    fraction: (v) => fraction(v),
    signed_fraction: (v) => signed(fraction(v), v),
    ratio: (v) => ratio(v),
    money: (v) => money(v),
    signed_money: (v) => signed(money(v), v),
    count: (v) => (known(v) ? v.toLocaleString("en-US") : NONE),
    duration,
    date: (v) => moment(v),
  };
  const tone = (value) => (value > 0 ? "up" : value < 0 ? "down" : null);
  const count = (number, noun) => number.toLocaleString("en-US") + " " + noun + (number === 1 ? "" : "s");

  /* ---- data as columns ---- */
  function times(steps) {
    let at = 0;
    return steps.map((step) => (at += step));
  }
  const curve = { ...data.curve, t: times(data.curve.t) };
  const trades = data.trades.rows.map((row) => ({
    number: row[0], symbol: data.trades.symbols[row[1]], side: row[2], quantity: row[3],
    entryTime: row[4], entryPrice: row[5], exitTime: row[6], exitPrice: row[7],
    reason: data.trades.reasons[row[8]], fees: row[9], pnl: row[10], stop: row[11], target: row[12],
    held: row[6] - row[4], gain: row[5] && row[3] ? row[10] / (row[5] * row[3]) : null,
  }));

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

  /* ---- axes ---- */
  function roundTicks(low, high, wanted) {
    const span = high - low;
    if (!(span > 0)) return [low];
    const rough = span / Math.max(wanted, 1), power = Math.pow(10, Math.floor(Math.log10(rough)));
    const step = [1, 2, 2.5, 5, 10].map((k) => k * power).find((size) => size >= rough * 0.999);
    const ticks = [];
    for (let k = Math.ceil(low / step - 1e-9); k * step <= high + step * 1e-9; k++) ticks.push(k * step);
    return ticks;
  }
  function placesFor(ticks) {
    if (ticks.length < 2) return 2;
    return Math.max(0, Math.min(10, -Math.floor(Math.log10(Math.abs(ticks[1] - ticks[0])) + 1e-9) + (/25/.test(String(ticks[1] - ticks[0])) ? 1 : 0)));
  }
  function padded([low, high], part) {
    const pad = (high - low || Math.abs(high) || 1) * part;
    return [low - pad, high + pad];
  }
  /* Calendar words for a time: what a tick of a given step says. */
  function tickText(ms, step) {
    const at = new Date(ms), iso = at.toISOString();
    if (step >= 300 * DAY) return iso.slice(0, 4);
    if (step >= 27 * DAY) return at.getUTCMonth() === 0 ? iso.slice(0, 4) : MONTHS[at.getUTCMonth()] + (step >= 80 * DAY ? " " + iso.slice(2, 4) : "");
    if (step >= DAY) return at.getUTCDate() + " " + MONTHS[at.getUTCMonth()];
    if (ms % DAY === 0) return at.getUTCDate() + " " + MONTHS[at.getUTCMonth()];
    return step >= 60000 ? iso.slice(11, 16) : iso.slice(11, 19);
  }
  const STEPS = [1000, 5000, 15000, 30000, 60000, 300000, 900000, 1800000, 3600000, 7200000, 14400000, 21600000, 43200000,
    DAY, 2 * DAY, 4 * DAY, 7 * DAY, 14 * DAY];
  const MONTH_STEPS = [1, 2, 3, 6, 12, 24, 60, 120];
  function timeTicks(low, high, wanted) {
    if (high <= low) return { ticks: [low], step: DAY };
    const rough = Math.max((high - low) / Math.max(wanted, 1), data.interval_ms);
    const step = STEPS.find((size) => size >= rough);
    const ticks = [];
    if (step) {
      for (let at = Math.ceil(low / step) * step; at <= high; at += step) ticks.push(at);
      return { ticks, step };
    }
    const months = MONTH_STEPS.find((n) => n * 30.4 * DAY >= rough) || 240;
    const first = new Date(low);
    let month = Math.floor((first.getUTCFullYear() * 12 + first.getUTCMonth()) / months) * months;
    for (; ; month += months) {
      const at = Date.UTC(Math.floor(month / 12), month % 12, 1);
      if (at > high) break;
      if (at >= low) ticks.push(at);
    }
    return { ticks, step: months * 30 * DAY };
  }

  /* ---- a box with a drawing, a tip, a cursor, zoom by dragging; redrawn when its width changes ---- */
  function figure(name, draw) {
    const box = el("div", { class: "figure", role: "img", "aria-label": name, tabindex: "0" });
    let width = 0;
    box.redraw = () => {
      width = Math.max(320, Math.round(box.clientWidth));
      box.replaceChildren(...draw(width, box).filter(Boolean));
    };
    new ResizeObserver(() => { if (Math.round(box.clientWidth) !== width && box.clientWidth) box.redraw(); }).observe(box);
    return box;
  }
  function canvas(width, height, ...children) {
    return shape("svg", { viewBox: `0 0 ${width} ${height}`, width, height, "aria-hidden": "true" }, ...children);
  }
  function tip(box) {
    const node = el("div", { class: "tip", hidden: true });
    node.show = (x, y, heading, pairs) => {
      node.replaceChildren(el("b", null, heading), el("dl", null, pairs.map(([key, value]) => [el("dt", null, key), el("dd", null, value)])));
      node.hidden = false;
      const room = box.clientWidth;
      const left = x + 14 + node.offsetWidth > room ? x - 14 - node.offsetWidth : x + 14;
      node.style.left = Math.max(0, left) + "px";
      node.style.top = Math.max(0, y) + "px";
    };
    return node;
  }
  /* Pointer and arrow keys over the plot: `at(x, y)` while moving, `zoom(x0, x1)` after a drag. */
  function pointer(box, svg, plot, on) {
    const band = shape("rect", { y: plot.top, height: plot.height, fill: "currentColor", opacity: 0.08, visibility: "hidden" });
    const pad = shape("rect", { x: plot.left, y: plot.top, width: plot.width, height: plot.height, fill: "transparent", style: "cursor:crosshair" });
    svg.append(band, pad);
    const spot = (event) => {
      const frame = svg.getBoundingClientRect(), scale = plot.full / frame.width;
      const x = (event.clientX - frame.left) * scale, y = (event.clientY - frame.top) * scale;
      return [Math.min(Math.max(x, plot.left), plot.left + plot.width), y];
    };
    let from = null;
    pad.addEventListener("pointerdown", (event) => {
      if (event.pointerType === "touch" || event.button !== 0) return;
      from = spot(event)[0];
      pad.setPointerCapture(event.pointerId);
    });
    pad.addEventListener("pointermove", (event) => {
      const [x, y] = spot(event);
      on.at(x, y);
      if (from === null) return;
      band.setAttribute("x", Math.min(from, x));
      band.setAttribute("width", Math.abs(x - from));
      band.setAttribute("visibility", "visible");
    });
    pad.addEventListener("pointerup", (event) => {
      const [x, y] = spot(event), start = from;
      from = null;
      band.setAttribute("visibility", "hidden");
      if (start === null) return;
      if (Math.abs(x - start) > 8) on.zoom(Math.min(start, x), Math.max(start, x));
      else if (on.click) on.click(x, y);
    });
    pad.addEventListener("pointerleave", () => { if (from === null) on.leave(); });
    pad.addEventListener("dblclick", () => on.reset());
    box.onblur = () => on.leave();
    box.onkeydown = (event) => {
      const step = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
      if (step) { event.preventDefault(); on.step(step); }
      if (event.key === "Escape") on.reset();
    };
  }
  function path(points) {
    let text = "", pen = "M";
    for (const [x, y] of points) {
      if (!Number.isFinite(y)) { pen = "M"; continue; }
      text += pen + x.toFixed(1) + " " + y.toFixed(1);
      pen = "L";
    }
    return text;
  }
  const swatch = (attributes) => shape("svg", { width: 22, height: 10, "aria-hidden": "true" }, shape("line", { x1: 1, y1: 5, x2: 21, y2: 5, ...attributes }));
  function legend(...entries) {
    return el("div", { class: "legend" }, entries.map(([mark, text]) => el("span", null, mark, text)));
  }
  function toggle(text, pressed, change) {
    const button = el("button", { type: "button", "aria-pressed": String(pressed) }, text);
    button.addEventListener("click", () => {
      const now = button.getAttribute("aria-pressed") !== "true";
      button.setAttribute("aria-pressed", String(now));
      change(now);
    });
    return button;
  }
  function section(title, attributes, ...children) {
    const extras = attributes || {};
    return el("section", { class: extras.class, "aria-label": title },
      el("div", { class: "head" }, el("h2", null, title), extras.legend, extras.tools && el("div", { class: "tools" }, extras.tools)), ...children);
  }

  /* ---- header, notes, tiles ---- */
  function header() {
    const names = data.symbols.slice(0, 8).join(", ") + (data.symbol_count > 8 ? ` and ${(data.symbol_count - 8).toLocaleString("en-US")} more` : "");
    const fact = (name, value) => [name + " ", el("b", null, value)];
    const line = [["Strategy", data.strategy], ["Symbols", names || "none"],
      ["Period", data.period ? moment(data.period[0]) + " to " + moment(data.period[1]) + " UTC" : "no bars"],
      ["Bars", `${data.bars.toLocaleString("en-US")} (${duration(data.interval_ms)} each)`], ["Engine", data.engine]];
    const parameters = Object.entries(data.parameters);
    return el("header", null,
      el("h1", null, data.title),
      el("p", { class: "facts" }, line.map(([name, value], i) => [i ? " \u00b7 " : "", ...fact(name, value)])),
      parameters.length ? el("details", { class: "parameters" }, el("summary", null, count(parameters.length, "parameter")),
        el("dl", null, parameters.map(([name, value]) => [el("dt", null, name), el("dd", null, value)]))) : null,
      data.notes.length ? el("div", { class: "banner", role: "note" },
        data.notes.length === 1 ? data.notes[0] : el("ul", null, data.notes.map((note) => el("li", null, note)))) : null,
      metrics.trades ? null : el("div", { class: "banner", role: "note", id: "no-trades" }, noTrades()));
  }
  function noTrades() {
    const open = data.open_positions;
    return "No trade was closed in this test. " + (open
      ? `${count(open, "position")} still open at the end ${open === 1 ? "is" : "are"} marked at the last close, so equity moved, but there is no trade to judge.`
      : "The strategy never took a position, or its orders were never filled; equity is what it was at the start.");
  }
  function tiles() {
    const held = curve.hold && curve.hold.length ? curve.hold[curve.hold.length - 1] / curve.hold[0] - 1 : null;
    const arrow = (value) => (value > 0 ? "\u25b2 " : value < 0 ? "\u25bc " : "");
    const tile = (name, value, aside, hue) => el("div", { class: "tile" }, el("div", { class: "name" }, name),
      el("div", { class: "value " + (hue || "") }, value), el("div", { class: "aside" }, aside || "\u00a0"));
    const gain = metrics.total_return;
    return el("section", { class: "tiles", "aria-label": "Headline figures" },
      tile("Final equity", money(data.final_equity), "from " + money(data.initial_cash)),
      tile("Total return", arrow(gain) + fraction(gain === null ? null : Math.abs(gain)), known(held) ? "buy & hold " + signed(fraction(held), held) : null, tone(gain)),
      tile("CAGR", signed(fraction(metrics.cagr), metrics.cagr), metrics.years && metrics.years < 1 ? `from ${Math.round(metrics.years * 365.25)} days` : "per year"),
      tile("Max drawdown", fraction(metrics.max_drawdown), "longest " + duration(metrics.longest_drawdown_ns), tone(metrics.max_drawdown)),
      tile("Sharpe", ratio(metrics.sharpe), metrics.volatility === null ? null : "volatility " + fraction(metrics.volatility, 1)),
      tile("Trades", WRITE.count(metrics.trades), data.open_positions ? count(data.open_positions, "position") + " still open" : "none left open"),
      tile("Win rate", fraction(metrics.win_rate, 1), metrics.trades ? `${WRITE.count(metrics.wins)} won, ${WRITE.count(metrics.losses)} lost` : null),
      tile("Profit factor", ratio(metrics.profit_factor), metrics.trades && !metrics.losses ? "no losing trade" : "gross profit / loss"),
      tile("Expectancy", signed(money(metrics.expectancy), metrics.expectancy), "per trade", tone(metrics.expectancy)),
      tile("Fees", money(metrics.fees), known(metrics.turnover) ? "turnover " + ratio(metrics.turnover, 1) + "\u00d7" : null));
  }

  /* ---- equity, drawdown and exposure over one time axis ---- */
  function equitySection() {
    let isLog = false, withHold = true, from = 0, to = curve.t.length - 1, chosen = null;
    const last = curve.t.length - 1;
    const reset = el("button", { type: "button", disabled: true, onclick: () => view(0, last) }, "Reset zoom");
    const box = figure("Equity against buy and hold, drawdown and exposure over time", draw);
    function view(first, end) {
      if (end - first < 2 && last >= 2) return;
      [from, to, chosen] = [first, end, null];
      reset.disabled = from === 0 && to === last;
      box.redraw();
    }
    function levels(svg, ticks, text, scale, width) {
      for (const tick of ticks) {
        const y = scale(tick);
        svg.append(shape("line", { class: "grid", x1: 0, x2: width, y1: y, y2: y }), label(width + 8, y + 4, text(tick)));
      }
    }
    function draw(full) {
      const hasHold = withHold && Boolean(curve.hold);
      const right = 74, width = full - right;
      const high = full < 700 ? 210 : 270, middle = 84, low = 50, gap = 26;
      const tops = [14, 14 + high + gap, 14 + high + gap + middle + gap];
      const bottom = tops[2] + low, height = bottom + 24;
      const svg = canvas(full, height);
      const t0 = curve.t[from], t1 = curve.t[to];
      const x = (t) => (t1 > t0 ? ((t - t0) / (t1 - t0)) * width : width / 2);
      const range = padded(extent(hasHold ? [curve.equity, curve.hold] : [curve.equity], from, to), 0.05);
      const usesLog = isLog && range[0] > 0;
      const bend = usesLog ? Math.log : (v) => v;
      const y1 = (v) => tops[0] + high - ((bend(v) - bend(range[0])) / (bend(range[1]) - bend(range[0]))) * high;
      const deepest = Math.min(extent([curve.drawdown], from, to)[0], -1e-3) * 1.08;
      const y2 = (v) => tops[1] + (v / deepest) * middle;
      const most = Math.max(extent([curve.exposure], from, to)[1], 0.01) * 1.08;
      const y3 = (v) => tops[2] + low - (v / most) * low;
      const { ticks, step } = timeTicks(t0, t1, width / 95);
      for (const at of ticks) {
        svg.append(shape("line", { class: "grid", x1: x(at), x2: x(at), y1: tops[0], y2: bottom }));
        if (x(at) > 16 && x(at) < width - 10) svg.append(label(x(at), bottom + 18, tickText(at, step), "middle"));
      }
      const worths = roundTicks(range[0], range[1], 5), places = placesFor(worths);
      levels(svg, worths, (v) => plain(v, places), y1, width);
      const falls = roundTicks(deepest, 0, 2);
      levels(svg, falls, (v) => plain(v * 100, placesFor(falls.map((f) => f * 100))) + "%", y2, width);
      const parts = roundTicks(0, most, 2);
      levels(svg, parts, (v) => plain(v * 100, placesFor(parts.map((p) => p * 100))) + "%", y3, width);
      const points = (values, scale) => values.slice(from, to + 1).map((v, i) => [x(curve.t[from + i]), scale(v)]);
      const area = (values, scale, base) => path(points(values, scale)) + `L${x(t1).toFixed(1)} ${base}L${x(t0).toFixed(1)} ${base}Z`;
      if (hasHold) svg.append(shape("path", { d: path(points(curve.hold, y1)), fill: "none", stroke: "var(--hold)", "stroke-width": 1.4, "stroke-dasharray": "5 3" }));
      svg.append(
        shape("path", { d: path(points(curve.equity, y1)), fill: "none", stroke: "var(--equity)", "stroke-width": 1.8, "stroke-linejoin": "round" }),
        shape("path", { d: area(curve.drawdown, y2, y2(0)), fill: "var(--down)", "fill-opacity": 0.22 }),
        shape("path", { d: path(points(curve.drawdown, y2)), fill: "none", stroke: "var(--down)", "stroke-width": 1.2 }),
        shape("path", { d: area(curve.exposure, y3, y3(0)), fill: "var(--equity)", "fill-opacity": 0.25 }),
        label(0, tops[0] - 3, "Equity", "start", "strong"), label(0, tops[1] - 7, "Drawdown", "start", "strong"), label(0, tops[2] - 7, "Exposure", "start", "strong"));
      if (from === to) svg.append(shape("circle", { cx: width / 2, cy: y1(curve.equity[from]), r: 4, fill: "var(--equity)" }));
      const cursor = shape("line", { class: "cursor", y1: tops[0], y2: bottom, visibility: "hidden" });
      const dots = [["--equity", curve.equity, y1], hasHold && ["--hold", curve.hold, y1], ["--down", curve.drawdown, y2]].filter(Boolean)
        .map(([hue, values, scale]) => ({ values, scale, node: shape("circle", { r: 3.5, fill: `var(${hue})`, visibility: "hidden" }) }));
      svg.append(cursor, ...dots.map((dot) => dot.node));
      const hint = tip(box);
      const marks = [cursor, ...dots.map((dot) => dot.node)];
      const leave = () => { hint.hidden = true; chosen = null; marks.forEach((mark) => mark.setAttribute("visibility", "hidden")); };
      const show = (i) => {
        chosen = i;
        const px = x(curve.t[i]);
        cursor.setAttribute("x1", px);
        cursor.setAttribute("x2", px);
        for (const dot of dots) { dot.node.setAttribute("cx", px); dot.node.setAttribute("cy", dot.scale(dot.values[i])); }
        marks.forEach((mark) => mark.setAttribute("visibility", "visible"));
        hint.show(px, tops[0] + 4, moment(curve.t[i]) + " UTC", [["Equity", money(curve.equity[i])],
          ...(hasHold ? [["Buy & hold", money(curve.hold[i])]] : []),
          ["Drawdown", fraction(curve.drawdown[i])], ["Exposure", fraction(curve.exposure[i], 1)]]);
      };
      const inverse = (px) => t0 + (px / width) * (t1 - t0);
      pointer(box, svg, { left: 0, top: tops[0], width, height: bottom - tops[0], full }, {
        at: (px) => show(Math.min(Math.max(nearest(curve.t, inverse(px)), from), to)),
        zoom: (a, b) => view(nearest(curve.t, inverse(a)), nearest(curve.t, inverse(b))),
        step: (by) => show(Math.min(Math.max((chosen ?? (by > 0 ? from - 1 : to + 1)) + by, from), to)),
        reset: () => view(0, last), leave,
      });
      return [svg, hint];
    }
    return section("Equity", {
      legend: legend([swatch({ stroke: "var(--equity)", "stroke-width": 2 }), "Strategy"],
        ...(curve.hold ? [[swatch({ stroke: "var(--hold)", "stroke-width": 1.5, "stroke-dasharray": "5 3" }), "Buy & hold, equal weights, no fees"]] : [])),
      tools: [curve.hold ? toggle("Buy & hold", true, (on) => { withHold = on; box.redraw(); }) : null, toggle("Log scale", false, (on) => { isLog = on; box.redraw(); }), reset],
    }, box);
  }

  /* ---- months ---- */
  function monthsSection() {
    const years = data.years.map((one) => one.year);
    const by = new Map(data.months.map((one) => [one.year * 12 + one.month - 1, one.value]));
    const sizes = data.months.map((one) => Math.abs(one.value || 0)).sort((a, b) => a - b);
    const strong = Math.max(sizes[Math.floor((sizes.length - 1) * 0.95)] || 0, 1e-9);
    const cell = (value, kind) => {
      if (!known(value)) return el("td", { class: kind }, "");
      const shown = signed(plain(value * 100, 2), value);
      const depth = /[1-9]/.test(shown) ? 0.1 + 0.45 * Math.min(Math.abs(value) / strong, 1) : 0;
      const paint = depth && !kind ? `background: rgb(var(--${value > 0 ? "up" : "down"}-rgb) / ${depth.toFixed(2)})` : null;
      return el("td", { class: kind ? kind + " " + (tone(value) || "") : null, style: paint, title: signed(fraction(value, 4), value) }, shown);
    };
    return section("Monthly returns, %", {}, el("div", { class: "scroll" }, el("table", { class: "months" },
      el("thead", null, el("tr", null, el("th", { scope: "col" }, "Year"), MONTHS.map((name) => el("th", { scope: "col" }, name)), el("th", { scope: "col" }, "Total"))),
      el("tbody", null, data.years.map((one) => el("tr", null, el("th", { scope: "row" }, String(one.year)),
        MONTHS.map((_, month) => cell(by.get(one.year * 12 + month))), cell(one.value, "total")))))),
      years.length ? null : el("p", { class: "note" }, "No bars, so no months."));
  }

  /* ---- distribution of results ---- */
  function distributionSection() {
    const [edges, counts] = data.histogram;
    const box = figure("Distribution of profit and loss per trade", (full) => {
      const left = 38, right = 10, width = full - left - right, top = 12, high = 190, height = top + high + 40;
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

  /* ---- trades on the price chart ---- */
  const chartState = { focus: () => {} };
  function priceSection() {
    const charts = data.charts.map((one) => ({ ...one, t: times(one.t) }));
    const bySymbol = new Map(charts.map((chart) => [chart.symbol, []]));
    for (const trade of trades) if (bySymbol.has(trade.symbol)) bySymbol.get(trade.symbol).push(trade);
    for (const list of bySymbol.values()) list.sort((a, b) => a.entryTime - b.entryTime);
    let chart = charts[0], mine = bySymbol.get(chart.symbol), from = 0, to = chart.t.length - 1, mode = "auto", picked = null, chosen = null;
    const box = figure("Price with the trades of one symbol", draw);
    const summary = el("p", { class: "note" });
    const select = el("select", { "aria-label": "Symbol", onchange: () => open(charts[select.selectedIndex]) },
      charts.map((one) => el("option", null, one.symbol + " (" + bySymbol.get(one.symbol).length.toLocaleString("en-US") + ")")));
    const modes = ["Line", "Candles"].map((name) => el("button", { type: "button", "aria-pressed": "false", onclick: () => { mode = name; box.redraw(); } }, name));
    const previous = el("button", { type: "button", onclick: () => walk(-1) }, "\u2190 Trade");
    const next = el("button", { type: "button", onclick: () => walk(1) }, "Trade \u2192");
    const reset = el("button", { type: "button", onclick: () => { picked = null; view(0, chart.t.length - 1); } }, "Reset zoom");
    const index = (at) => Math.max(rank(chart.t, at) - 1, 0);

    function open(one) {
      chart = one;
      mine = bySymbol.get(one.symbol);
      select.selectedIndex = charts.indexOf(one);
      picked = null;
      view(0, one.t.length - 1);
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
      const svg = canvas(full, height), clip = shape("clipPath", { id: "plot" }, shape("rect", { x: 0, y: 0, width, height: bottom }));
      const slots = Math.max(to - from + 1, 2);
      const x = (i) => ((i - from + 0.5) / slots) * width;
      const ends = [chart.t[from], to + 1 < chart.t.length ? chart.t[to + 1] : Infinity];
      const shown = mine.filter((trade) => trade.exitTime >= ends[0] && trade.entryTime < ends[1]);
      let range = extent([chart.high, chart.low], from, to);
      const levels = (picked ? [picked] : shown.length <= LEVELS ? shown : []).flatMap((trade) => [trade.stop, trade.target]).filter(known);
      if (levels.length) range = [Math.min(range[0], ...levels), Math.max(range[1], ...levels)];
      const isDense = shown.length > DENSE;
      range = padded(range, 0.04);
      if (isDense) range[0] -= (range[1] - range[0]) * 0.06;
      const y = (v) => bottom - ((v - range[0]) / (range[1] - range[0])) * high;
      const ticks = roundTicks(range[0], range[1], 7), places = Math.max(placesFor(ticks), 2);
      for (const tick of ticks) svg.append(shape("line", { class: "grid", x1: 0, x2: width, y1: y(tick), y2: y(tick) }), label(width + 8, y(tick) + 4, plain(tick, places)));
      const span = timeTicks(chart.t[from], chart.t[to], width / 105);
      let after = 18;
      for (const at of span.ticks) {
        const px = x(Math.min(rank(chart.t, at - 1), to));
        svg.append(shape("line", { class: "grid", x1: px, x2: px, y1: top, y2: bottom }));
        if (px < after || px > width - 14) continue;
        svg.append(label(px, bottom + 18, tickText(at, span.step), "middle"));
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
      reset.disabled = from === 0 && to === chart.t.length - 1;
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
        reset: () => { picked = null; view(0, chart.t.length - 1); },
      });
      return [svg, hint];
    }
    const mark = (up, hue, hollow) => shape("svg", { width: 13, height: 11, "aria-hidden": "true" },
      shape("path", { d: up ? "M6.5 1l5 9h-10Z" : "M6.5 10l5 -9h-10Z", fill: hollow ? "var(--sheet)" : `var(${hue})`, stroke: `var(${hue})`, "stroke-width": 1.3 }));
    const missing = data.symbol_count - charts.length;
    return section(metrics.trades ? "Trades on the chart" : "Price", {
      tools: [select, ...modes, ...(metrics.trades ? [previous, next] : []), reset],
    }, metrics.trades ? legend([mark(true, "--up"), "buy to open"], [mark(false, "--down", true), "sell to close"], [mark(false, "--down"), "sell short"], [mark(true, "--up", true), "buy to cover"],
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
      ["P&L", signed(money(trade.pnl), trade.pnl) + (known(trade.gain) ? " (" + signed(fraction(trade.gain), trade.gain) + ")" : "")]];
  }

  /* ---- sortable tables ---- */
  function sortable(columns, rows, options) {
    let by = options.by, falling = options.falling;
    const body = el("tbody", null), heads = columns.map((column, i) => el("th", { scope: "col", class: column.text && "text" },
      el("button", { type: "button", onclick: () => { falling = by === i ? !falling : !column.text; by = i; paint(); } }, column.name)));
    const note = el("p", { class: "note" });
    function paint() {
      const key = columns[by].key, sign = falling ? -1 : 1;
      const sorted = [...rows].sort((a, b) => {
        const [p, q] = [key(a), key(b)];
        if (!known(p) && typeof p !== "string") return 1;
        if (!known(q) && typeof q !== "string") return -1;
        return sign * (typeof p === "string" ? p.localeCompare(q) : p - q);
      });
      const limit = options.limit || sorted.length;
      body.replaceChildren(...sorted.slice(0, limit).map((row) => el("tr", { class: options.pick && "pick", onclick: options.pick && (() => options.pick(row)) },
        columns.map((column) => el("td", { class: [column.text && "text", column.text && "name", column.hue && tone(column.key(row))].filter(Boolean).join(" "), title: column.text && column.write(row) }, column.write(row))))));
      heads.forEach((head, i) => {
        if (i === by) head.setAttribute("aria-sort", falling ? "descending" : "ascending"); else head.removeAttribute("aria-sort");
        head.firstChild.textContent = columns[i].name + (i === by ? (falling ? " \u25be" : " \u25b4") : "");
      });
      note.textContent = options.note ? options.note(Math.min(limit, sorted.length)) : "";
      note.hidden = !note.textContent;
    }
    paint();
    return [el("div", { class: "scroll" + (options.tall && rows.length > 16 ? " tall" : "") }, el("table", null, el("thead", null, el("tr", null, heads)), body)), note];
  }
  function tradesSection() {
    const column = (name, key, write, more) => ({ name, key, write: write || key, ...more });
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
      column("Fees", (t) => t.fees, (t) => money(t.fees)),
      column("P&L", (t) => t.pnl, (t) => signed(money(t.pnl), t.pnl), { hue: true }),
      column("Return", (t) => t.gain, (t) => (known(t.gain) ? signed(fraction(t.gain), t.gain) : NONE), { hue: true }),
    ];
    const total = data.trades.total;
    return section("Trades", { class: "long" }, ...sortable(columns, trades, {
      by: 0, falling: false, limit: data.listed, tall: true, pick: (trade) => chartState.focus(trade),
      note: (shown) => shown < total ? `${shown.toLocaleString("en-US")} of ${total.toLocaleString("en-US")} trades shown; ${(total - shown).toLocaleString("en-US")} more are counted in every figure above.` +
        (trades.length < total ? ` Sorting looks at the ${trades.length.toLocaleString("en-US")} kept in this file, the best and worst hundred among them.` : "") + " The trades file has them all." : "",
    }));
  }
  const tradePlaces = (value) => (value >= 10 ? 2 : value >= 0.1 ? 4 : 8);
  function groupSection(title, first, { groups, total }, withFees) {
    const column = (name, key, write, more) => ({ name, key, write: write || key, ...more });
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

  /* ---- all figures, with their meaning ---- */
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

  page.append(header(), tiles());
  if (curve.t.length) page.append(equitySection(), monthsSection());
  if (metrics.trades) {
    page.append(el("div", { class: "pair" }, distributionSection(), groupSection("By exit reason", "Exit reason", data.by_exit_reason)));
  }
  if (data.charts.length) page.append(priceSection());
  if (metrics.trades) page.append(tradesSection(), groupSection("By symbol", "Symbol", data.by_symbol, true));
  page.append(figuresSection(), footer());
  for (const box of document.querySelectorAll(".figure")) box.redraw();
  document.documentElement.dataset.drawn = "yes";
})();
