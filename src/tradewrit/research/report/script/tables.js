/* Tables whose columns sort at a click. */
const column = (name, key, write, more) => ({ name, key, write: write || key, ...more });
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
