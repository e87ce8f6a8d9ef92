/* A box with a drawing, a tip, a cursor and zoom by dragging; redrawn when its width changes. */
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
