/* The page's data, and elements: text is only ever set as text, never as markup.
   No library, no request, no storage. */
window.addEventListener("error", (event) => {
  document.documentElement.dataset.error = event.message;
});

const data = JSON.parse(document.getElementById("data").textContent);
const page = document.getElementById("page");
const SVG = document.getElementById("namespace").namespaceURI;

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

function section(title, attributes, ...children) {
  const extras = attributes || {};
  return el("section", { class: extras.class, "aria-label": title },
    el("div", { class: "head" }, el("h2", null, title), extras.legend, extras.tools && el("div", { class: "tools" }, extras.tools)), ...children);
}
const swatch = (attributes) => shape("svg", { width: 22, height: 10, "aria-hidden": "true" },
  shape("line", { x1: 1, y1: 5, x2: 21, y2: 5, ...attributes }));
const dot = (attributes) => shape("svg", { width: 12, height: 10, "aria-hidden": "true" }, shape("circle", { cx: 6, cy: 5, r: 3.5, ...attributes }));
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
/* Shows everything: the page is done, or a test wants to know that it is not. */
function show(...parts) {
  page.append(...parts.flat().filter(Boolean));
  for (const box of document.querySelectorAll(".figure")) box.redraw();
  document.documentElement.dataset.drawn = "yes";
}
