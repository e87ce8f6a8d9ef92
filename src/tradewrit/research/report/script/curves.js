/* Equity, drawdown, rolling Sharpe and exposure of one or more runs over one time axis. */
const RUN_HUES = ["--equity", "--second"];
const LINE_STYLES = [["--hold", "5 3"], ["--named", "9 3 2 3"], ["--hold", "1.5 3"]];
/* Below this part of the drawn range a run is a flat line, and what flattens it starts hidden. */
const FLAT = 0.12;

const curve = {
  t: times(data.curve.t),
  runs: data.curve.runs.map((run, i) => ({ ...run, hue: RUN_HUES[i], width: 1.9 })),
  lines: data.curve.lines.map((line) => ({ ...line, title: line.name === "buy and hold" ? "Buy & hold" : line.name + " held" })),
};
if (data.curve.rolling) curve.rolling = { ...data.curve.rolling, t: times(data.curve.rolling.t) };

/* Buy and hold with as much of the cash as the run had at work on average. */
function atSameExposure(exposure) {
  const line = curve.lines[0];
  if (!line || !known(exposure) || exposure <= 0 || exposure > 0.9) return null;
  const start = line.equity[0];
  return { title: `Buy & hold with ${fraction(exposure, 1)} of the cash`, equity: line.equity.map((v) => start + exposure * (v - start)) };
}
function linesOf(exposure) {
  const own = atSameExposure(exposure), lines = [...curve.lines, ...(own ? [own] : [])];
  const last = curve.t.length - 1, ran = extent(curve.runs.map((run) => run.equity), 0, last);
  const isFlat = (line) => {
    const all = extent([...curve.runs.map((run) => run.equity), line.equity], 0, last);
    return ran[1] > ran[0] && ran[1] - ran[0] < FLAT * (all[1] - all[0]);
  };
  const shown = lines.map((line) => line !== own && !isFlat(line));
  if (own && !shown[0]) shown[lines.length - 1] = true;
  return lines.map((line, i) => {
    const [hue, dash] = LINE_STYLES[line === own ? 2 : Math.min(i, 1)];
    return { ...line, drawdown: fallsOf(line.equity), hue, dash, width: 1.4, isOn: shown[i], rolling: curve.rolling && curve.rolling.lines[i] };
  });
}

function curvesSection(title, exposure) {
  const lines = linesOf(exposure), last = curve.t.length - 1;
  const runs = curve.runs.map((run, i) => ({ ...run, isOn: true, rolling: curve.rolling && curve.rolling.runs[i] }));
  let isLog = false, from = 0, to = last, chosen = null;
  const reset = el("button", { type: "button", disabled: true, onclick: () => view(0, last) }, "Reset zoom");
  const box = figure("Equity against buy and hold, drawdown, rolling Sharpe ratio and exposure over time", draw);
  function view(first, end) {
    if (end - first < 2 && last >= 2) return;
    [from, to, chosen] = [first, end, null];
    reset.disabled = from === 0 && to === last;
    box.redraw();
  }
  const stroke = (one) => ({ fill: "none", stroke: `var(${one.hue})`, "stroke-width": one.width, "stroke-dasharray": one.dash, "stroke-linejoin": "round" });

  function equityPanel(all) {
    const range = padded(extent(all.map((one) => one.equity), from, to), 0.05);
    const bend = isLog && range[0] > 0 ? Math.log : (v) => v;
    const ticks = bend === Math.log ? spreadTicks(range[0], range[1], 5) : roundTicks(range[0], range[1], 5), places = placesFor(ticks);
    return {
      name: "Equity", field: "equity", ticks, text: (v) => brief(v, places),
      part: (v) => 1 - (bend(v) - bend(range[0])) / (bend(range[1]) - bend(range[0])),
    };
  }
  function drawdownPanel(all) {
    const deepest = Math.min(extent(all.map((one) => one.drawdown), from, to)[0], -1e-3) * 1.08, ticks = roundTicks(deepest, 0, 3);
    return { name: "Drawdown", field: "drawdown", ticks, text: percentTicks(ticks), part: (v) => v / deepest, fill: true };
  }
  function rollingPanel(all) {
    const t = curve.rolling.t, first = Math.max(rank(t, curve.t[from]) - 1, 0), end = Math.min(rank(t, curve.t[to]), t.length - 1);
    const range = extent([...all.map((one) => one.rolling || []), [0]], first, end);
    const [low, high] = padded([Math.min(range[0], 0), Math.max(range[1], 0)], 0.06), ticks = roundTicks(low, high, 3), places = placesFor(ticks);
    return { name: `Sharpe ratio, rolling over ${curve.rolling.window} daily samples`, field: "rolling", t, first, end, ticks, text: (v) => plain(v, places), part: (v) => (high - v) / (high - low), zero: true };
  }
  function exposurePanel() {
    const most = Math.max(extent(runs.map((run) => run.exposure), from, to)[1], 0.01) * 1.08, ticks = roundTicks(0, most, 2);
    return { name: "Exposure", field: "exposure", ticks, text: percentTicks(ticks), part: (v) => 1 - v / most, fill: true };
  }
  function drawPanel(svg, panel, all, x, width) {
    const y = (v) => panel.top + panel.part(v) * panel.height, t = panel.t || curve.t;
    const first = panel.first ?? from, end = panel.end ?? to;
    levels(svg, panel.ticks, panel.text, y, width);
    if (panel.zero) svg.append(shape("line", { class: "zero", x1: 0, x2: width, y1: y(0), y2: y(0) }));
    const plot = shape("g", { "clip-path": "url(#curves)" });
    for (const one of [...all].reverse()) {
      const values = one[panel.field];
      if (!values) continue;
      const points = values.slice(first, end + 1).map((v, i) => [x(t[first + i]), v === null ? NaN : y(v)]);
      const hue = panel.field === "drawdown" && runs.length === 1 && one === runs[0] ? "--down" : one.hue;
      if (panel.fill && one.exposure) plot.append(shape("path", { d: path(points) + `L${x(t[end]).toFixed(1)} ${y(0)}L${x(t[first]).toFixed(1)} ${y(0)}Z`, fill: `var(${hue})`, "fill-opacity": runs.length > 1 ? 0.12 : 0.22 }));
      plot.append(shape("path", { d: path(points), ...stroke(one), stroke: `var(${hue})`, "stroke-width": panel.field === "equity" ? one.width : 1.2 }));
    }
    svg.append(plot, label(0, panel.top - 6, panel.name, "start", "strong"));
    return y;
  }
  function draw(full) {
    const all = [...runs, ...lines].filter((one) => one.isOn), isNarrow = full < 700;
    const right = isNarrow ? 58 : 74, width = full - right, svg = canvas(full, 0);
    const panels = [[equityPanel(all), isNarrow ? 210 : 280], [drawdownPanel(all), 90],
      ...(curve.rolling ? [[rollingPanel(all), 90]] : []), [exposurePanel(), 50]];
    let bottom = 16;
    for (const [panel, height] of panels) { Object.assign(panel, { top: bottom, height }); bottom += height + 28; }
    bottom -= 28;
    const t0 = curve.t[from], t1 = curve.t[to];
    const x = (t) => (t1 > t0 ? ((t - t0) / (t1 - t0)) * width : width / 2);
    svg.setAttribute("viewBox", `0 0 ${full} ${bottom + 24}`);
    svg.setAttribute("height", bottom + 24);
    const { ticks, step } = timeTicks(t0, t1, width / 95);
    for (const at of ticks) {
      svg.append(shape("line", { class: "grid", x1: x(at), x2: x(at), y1: 16, y2: bottom }));
      if (x(at) > 16 && x(at) < width - 10) svg.append(label(x(at), bottom + 18, tickText(at, step), "middle"));
    }
    svg.append(shape("clipPath", { id: "curves" }, shape("rect", { x: 0, y: 0, width, height: bottom + 2 })));
    const scales = panels.map(([panel]) => drawPanel(svg, panel, panel.field === "exposure" ? runs : all, x, width));
    if (from === to) for (const run of runs) svg.append(shape("circle", { cx: width / 2, cy: scales[0](run.equity[from]), r: 4, fill: `var(${run.hue})` }));
    const cursor = shape("line", { class: "cursor", y1: 16, y2: bottom, visibility: "hidden" });
    const dots = all.map((one) => ({ one, node: shape("circle", { r: 3.5, fill: `var(${one.hue})`, visibility: "hidden" }) }));
    const marks = [cursor, ...dots.map(({ node }) => node)], hint = tip(box);
    svg.append(...marks);
    const leave = () => { hint.hidden = true; chosen = null; marks.forEach((mark) => mark.setAttribute("visibility", "hidden")); };
    const show = (i) => {
      chosen = i;
      const px = x(curve.t[i]);
      cursor.setAttribute("x1", px);
      cursor.setAttribute("x2", px);
      for (const { one, node } of dots) { node.setAttribute("cx", px); node.setAttribute("cy", scales[0](one.equity[i])); }
      marks.forEach((mark) => mark.setAttribute("visibility", "visible"));
      hint.show(px, 20, moment(curve.t[i]) + " UTC", all.flatMap((one) => facts(one, i)));
    };
    const inverse = (px) => t0 + (px / width) * (t1 - t0);
    pointer(box, svg, { left: 0, top: 16, width, height: bottom - 16, full }, {
      at: (px) => show(Math.min(Math.max(nearest(curve.t, inverse(px)), from), to)),
      zoom: (a, b) => view(nearest(curve.t, inverse(a)), nearest(curve.t, inverse(b))),
      step: (by) => show(Math.min(Math.max((chosen ?? (by > 0 ? from - 1 : to + 1)) + by, from), to)),
      reset: () => view(0, last), leave,
    });
    return [svg, hint];
  }
  function facts(one, i) {
    const name = one.title || (runs.length > 1 ? one.name : "Equity");
    const told = [[name, money(one.equity[i])], ["\u2003drawdown", fraction(one.drawdown[i])]];
    const sharpe = one.rolling && curve.t[i] >= curve.rolling.t[0] ? one.rolling[nearest(curve.rolling.t, curve.t[i])] : null;
    if (known(sharpe)) told.push(["\u2003rolling Sharpe", ratio(sharpe)]);
    if (one.exposure) told.push(["\u2003exposure", fraction(one.exposure[i], 1)]);
    return told;
  }
  return section(title, {
    legend: legend(...runs.map((run) => [swatch({ stroke: `var(${run.hue})`, "stroke-width": 2.4 }), runs.length > 1 ? run.name : "Strategy"]),
      ...lines.map((line) => [swatch({ stroke: `var(${line.hue})`, "stroke-width": 1.8, "stroke-dasharray": line.dash }), line.title])),
    tools: [...lines.map((line) => toggle(line.title.replace(/ of the cash$/, ""), line.isOn, (on) => { line.isOn = on; box.redraw(); })),
      toggle("Log scale", false, (on) => { isLog = on; box.redraw(); }), reset],
  }, box, lines.length ? el("p", { class: "note" }, "Held lines buy at the first close, evenly over the symbols, and pay no fees." +
    (lines.some((line) => !line.isOn) ? " What would flatten the others starts hidden: press its name to see it." : "")) : null);
}
