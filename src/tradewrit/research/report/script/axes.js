/* Where an axis has its marks, and what they say. */
function roundTicks(low, high, wanted) {
  const span = high - low;
  if (!(span > 0)) return [low];
  const rough = span / Math.max(wanted, 1), power = Math.pow(10, Math.floor(Math.log10(rough)));
  const step = [1, 2, 2.5, 5, 10].map((k) => k * power).find((size) => size >= rough * 0.999);
  const ticks = [];
  for (let k = Math.ceil(low / step - 1e-9); k * step <= high + step * 1e-9; k++) ticks.push(k * step);
  /* One mark alone does not say how far apart things are. */
  return ticks.length < 2 && wanted < 12 ? roundTicks(low, high, wanted + 1) : ticks;
}
/* Marks of a logarithmic axis: 1, 2, 5 times the powers of ten, or round ones where few of them fit. */
function spreadTicks(low, high, wanted) {
  const ticks = [];
  for (let power = Math.floor(Math.log10(low)); Math.pow(10, power) <= high; power++)
    for (const step of [1, 2, 5]) if (step * Math.pow(10, power) >= low && step * Math.pow(10, power) <= high) ticks.push(step * Math.pow(10, power));
  return ticks.length >= 3 ? ticks : roundTicks(low, high, wanted);
}
/* Decimals that tell neighbouring marks apart: 0 for steps of 25, 1 for 2.5, 2 for 0.25. */
function placesFor(ticks) {
  if (ticks.length < 2) return 2;
  const step = Math.abs(ticks[1] - ticks[0]);
  for (let places = 0; places < 14; places++) {
    const shifted = step * Math.pow(10, places);
    if (shifted > 0.999 && Math.abs(shifted - Math.round(shifted)) < 1e-6 * shifted) return places;
  }
  return 14;
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
/* Horizontal marks of one panel, their words at its right edge. */
function levels(svg, ticks, text, scale, width) {
  for (const tick of ticks) {
    const y = scale(tick);
    svg.append(shape("line", { class: "grid", x1: 0, x2: width, y1: y, y2: y }), label(width + 8, y + 4, text(tick)));
  }
}
