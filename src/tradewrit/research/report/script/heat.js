/* Two parameters against each other, a figure as colour; one parameter as a line of dots. */
const MOST_CELLS = 24;
const points = data.points.map(([number, values, inside, outside, eligible, failed]) =>
  ({ number, values, inside, outside, eligible: eligible === 1, failed: failed === 1 }));
const isFraction = (name) => ["total_return", "cagr", "max_drawdown", "win_rate"].includes(name);
const scoreText = (value) => (isFraction(data.objective) ? fraction(value) : ratio(value));
const valueText = (value) => (value === null ? "none" : typeof value === "number" ? String(Number(value.toPrecision(6))) : String(value));
const settingText = (values) => data.axes.map((axis, i) => `${axis.name} ${valueText(values[i])}`).join(", ");

const HEATS = [
  { name: `${data.label}, in sample`, key: (p) => p.inside[0], write: scoreText },
  data.walk ? { name: `${data.label}, out of sample`, key: (p) => p.outside && p.outside[0], write: scoreText } : null,
  { name: "Return, in sample", key: (p) => p.inside[2], write: (v) => fraction(v) },
  data.walk ? { name: "Return, out of sample", key: (p) => p.outside && p.outside[2], write: (v) => fraction(v) } : null,
  { name: "Max drawdown, in sample", key: (p) => p.inside[3], write: (v) => fraction(v) },
  { name: "Trades, in sample", key: (p) => p.inside[4], write: (v) => plain(v, Number.isInteger(v) ? 0 : 1) },
].filter(Boolean);
const MERGES = [
  { name: "median of the others", merge: (list) => list[(list.length - 1) >> 1] / 2 + list[list.length >> 1] / 2 },
  { name: "best of the others", merge: (list) => list[list.length - 1] },
  { name: "worst of the others", merge: (list) => list[0] },
];

/* The cells of an axis: its values, or as many stretches of them as fit. */
function cellsOf(place) {
  const values = [...new Set(points.map((p) => p.values[place]))];
  const axis = data.axes[place];
  if (axis.is_ordered) values.sort((a, b) => a - b);
  if (values.length <= MOST_CELLS || !axis.is_ordered)
    return { count: values.length, of: (value) => values.indexOf(value), text: (i) => valueText(values[i]), long: (i) => valueText(values[i]) };
  const low = values[0], wide = (values[values.length - 1] - low) / 12;
  return {
    count: 12, of: (value) => Math.min(11, Math.floor((value - low) / wide)),
    text: (i) => valueText(Number((low + wide * i).toPrecision(3))),
    long: (i) => `${valueText(Number((low + wide * i).toPrecision(4)))} to ${valueText(Number((low + wide * (i + 1)).toPrecision(4)))}`,
  };
}
/* Paint between the lowest and the highest: red and green where there are losses and gains, else one hue. */
function paintOf(low, high) {
  if (low < 0 && high > 0) {
    const most = Math.max(-low, high);
    return (v) => `rgb(var(--${v < 0 ? "down" : "up"}-rgb) / ${(0.08 + 0.72 * Math.abs(v) / most).toFixed(3)})`;
  }
  const hue = high <= 0 ? "down" : "up", span = high - low || 1;
  return (v) => `rgb(var(--${hue}-rgb) / ${(0.08 + 0.72 * (hue === "up" ? v - low : high - v) / span).toFixed(3)})`;
}
function gather(across, down, heat, merge) {
  const cells = new Map();
  for (const point of points) {
    const value = point.failed ? null : heat.key(point);
    const key = across.of(point.values[state.x]) + "," + (down ? down.of(point.values[state.y]) : 0);
    const cell = cells.get(key) || { list: [], tried: 0, isBest: false };
    cell.tried++;
    if (known(value)) cell.list.push(value);
    if (point.number === data.best) cell.isBest = true;
    cells.set(key, cell);
  }
  for (const cell of cells.values()) {
    cell.list.sort((a, b) => a - b);
    cell.value = cell.list.length ? merge.merge(cell.list) : null;
  }
  return cells;
}
const varied = data.axes.map((axis, i) => i).filter((i) => new Set(points.map((p) => p.values[i])).size > 1);
const state = { x: varied[0] ?? 0, y: varied[1] ?? null, heat: 0, merge: 0 };

function heatMap(full, box) {
  const across = cellsOf(state.x), down = cellsOf(state.y);
  const heat = HEATS[state.heat], cells = gather(across, down, heat, MERGES[state.merge]);
  const names = Array.from({ length: down.count }, (_, j) => down.text(j));
  const left = 36 + Math.max(...names.map((name) => name.length)) * 7.2, top = 8, right = 8;
  const width = full - left - right, size = width / across.count, high = Math.max(24, Math.min(46, 460 / down.count));
  const bottom = top + high * down.count, svg = canvas(full, bottom + 44), hint = tip(box);
  const values = [...cells.values()].map((cell) => cell.value).filter(known);
  const paint = paintOf(Math.min(...values, Infinity), Math.max(...values, -Infinity));
  for (let j = 0; j < down.count; j++) {
    const y = bottom - high * (j + 1);
    svg.append(label(left - 8, y + high / 2 + 4, names[j], "end"));
    for (let i = 0; i < across.count; i++) {
      const cell = cells.get(i + "," + j), x = left + size * i;
      const box_ = shape("rect", { x: x + 1, y: y + 1, width: Math.max(size - 2, 1), height: high - 2, rx: 3,
        fill: cell && known(cell.value) ? paint(cell.value) : "none", stroke: cell && cell.isBest ? "var(--ink)" : "var(--line)", "stroke-width": cell && cell.isBest ? 2.2 : 1 });
      svg.append(box_);
      if (!cell) continue;
      const text = known(cell.value) ? heat.write(cell.value) : NONE;
      if (size > text.length * 7 + 6) svg.append(label(x + size / 2, y + high / 2 + 4, text, "middle", "strong"));
      box_.addEventListener("pointerenter", () => hint.show(x + size, y, text, [[data.axes[state.x].name, across.long(i)], [data.axes[state.y].name, down.long(j)],
        ["Points", plain(cell.tried, 0)], ...(cell.list.length > 1 ? [["From, to", heat.write(cell.list[0]) + ", " + heat.write(cell.list[cell.list.length - 1])]] : [])]));
      box_.addEventListener("pointerleave", () => { hint.hidden = true; });
    }
  }
  const every = Math.ceil(across.count * 46 / width);
  for (let i = 0; i < across.count; i += every) svg.append(label(left + size * (i + 0.5), bottom + 17, across.text(i), "middle"));
  svg.append(label(left + width / 2, bottom + 36, data.axes[state.x].name, "middle", "strong"), shape("text", { x: 12, y: top + (bottom - top) / 2, class: "strong", "text-anchor": "middle",
    transform: `rotate(-90 12 ${top + (bottom - top) / 2})` }, data.axes[state.y].name));
  return [svg, hint];
}
/* One parameter: every point as a dot, the merged value of each cell as a line. */
function profile(full, box) {
  const across = cellsOf(state.x), heat = HEATS[state.heat], cells = gather(across, null, heat, MERGES[state.merge]);
  const drawn = points.filter((p) => !p.failed && known(heat.key(p)));
  const left = 62, right = 12, top = 10, high = 260, width = full - left - right, bottom = top + high;
  const svg = canvas(full, bottom + 44), hint = tip(box), size = width / across.count;
  if (!drawn.length) return [svg];
  const [low, most] = padded(extent([drawn.map(heat.key), data.objective === "sharpe" && state.heat === 0 ? [0] : []].filter((l) => l.length), 0, drawn.length - 1), 0.08);
  const y = (v) => bottom - ((v - low) / (most - low)) * high, x = (i) => left + size * (i + 0.5);
  for (const tick of roundTicks(low, most, 5)) svg.append(shape("line", { class: tick === 0 ? "zero" : "grid", x1: left, x2: left + width, y1: y(tick), y2: y(tick) }), label(left - 8, y(tick) + 4, heat.write(tick), "end"));
  const every = Math.ceil(across.count * 46 / width), line = [];
  for (let i = 0; i < across.count; i++) {
    const cell = cells.get(i + ",0");
    if (i % every === 0) svg.append(label(x(i), bottom + 17, across.text(i), "middle"));
    if (cell && known(cell.value)) line.push([x(i), y(cell.value)]);
  }
  svg.append(shape("path", { d: path(line), fill: "none", stroke: "var(--equity)", "stroke-width": 1.8 }));
  for (const point of drawn) {
    const cx = x(across.of(point.values[state.x])), cy = y(heat.key(point)), isBest = point.number === data.best;
    const mark = shape("circle", { cx, cy, r: isBest ? 6 : drawn.length > 400 ? 2 : 4, fill: "var(--equity)", "fill-opacity": isBest ? 1 : 0.55, stroke: isBest ? "var(--ink)" : "none", "stroke-width": 2 });
    mark.addEventListener("pointerenter", () => hint.show(cx, cy, heat.write(heat.key(point)), data.axes.map((axis, i) => [axis.name, valueText(point.values[i])])));
    mark.addEventListener("pointerleave", () => { hint.hidden = true; });
    svg.append(mark);
  }
  svg.append(label(left + width / 2, bottom + 36, data.axes[state.x].name, "middle", "strong"));
  return [svg, hint];
}
function choose(name, options, at, change) {
  const node = el("select", { "aria-label": name }, options.map((text, i) => el("option", { value: String(i), selected: i === at }, text)));
  node.addEventListener("change", () => change(node.selectedIndex));
  return node;
}
function heatSection() {
  const box = figure("Result by parameter", (full, own) => (state.y === null || state.y === state.x ? profile(full, own) : heatMap(full, own)));
  const names = data.axes.map((axis) => axis.name), set = (field) => (i) => { state[field] = i; box.redraw(); };
  const down = [...names, "(none)"];
  const tools = [
    choose("Across", names.map((name) => "across: " + name), state.x, set("x")),
    choose("Up", down.map((name) => "up: " + name), state.y ?? names.length, (i) => { state.y = i === names.length ? null : i; box.redraw(); }),
    choose("Figure", HEATS.map((heat) => heat.name), 0, set("heat")),
    data.axes.length > 2 || points.length > MOST_CELLS ** 2 ? choose("Others", MERGES.map((merge) => merge.name), 0, set("merge")) : null,
  ].filter(Boolean);
  return section("Parameters", { tools, legend: legend([shape("svg", { width: 14, height: 12, "aria-hidden": "true" }, shape("rect", { x: 1.5, y: 1.5, width: 11, height: 9, rx: 2, fill: "none", stroke: "var(--ink)", "stroke-width": 2 })), "best in sample"]) },
    box, el("p", { class: "note" }, "A rule that works does about as well next door: look for a plain, not for a peak. Where several points share a cell, their median is shown unless chosen otherwise."));
}
