/* Numbers, money and times as text. */
const DAY = 86400000;
const MONTHS = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
const NONE = "\u2013";
const MINUS = "\u2212";

function plain(value, places) {
  const text = Math.abs(value).toLocaleString("en-US", { minimumFractionDigits: places, maximumFractionDigits: places });
  return value < 0 && /[1-9]/.test(text) ? MINUS + text : text;
}
/* Where there is little room: from a thousand million on as 1.25B, and beyond all words as 1.25e18. */
function brief(value, places) {
  const size = Math.abs(value);
  if (!(size >= 1e9)) return plain(value, places);
  const text = size < 1e15 ? size.toLocaleString("en-US", { notation: "compact", maximumFractionDigits: 4 }) : size.toExponential(4).replace(/\.?0*e\+/, "e");
  return (value < 0 ? MINUS : "") + text;
}
const known = (value) => value !== null && value !== undefined && Number.isFinite(value);
const signed = (text, value) => (value > 0 && /[1-9]/.test(text) ? "+" + text : text);
const ratio = (value, places = 2) => (known(value) ? plain(value, places) : NONE);
const fraction = (value, places = 2) => (known(value) ? plain(value * 100, places) + "%" : NONE);
function money(value, places = 2, write = plain) {
  if (!known(value)) return NONE;
  const text = write(value, places);
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
  /* The hour that summer time adds or takes is none that a daily bar knows of. */
  if (data.interval_ms >= DAY && ms >= DAY) ms = Math.round(ms / DAY) * DAY;
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
  text: (v) => v ?? NONE,
};
const tone = (value) => (value > 0 ? "up" : value < 0 ? "down" : null);
const count = (number, noun) => number.toLocaleString("en-US") + " " + noun + (number === 1 ? "" : "s");
const percentTicks = (ticks) => {
  const places = placesFor(ticks.map((tick) => tick * 100));
  return (value) => plain(value * 100, places) + "%";
};
