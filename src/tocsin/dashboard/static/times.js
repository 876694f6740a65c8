// Times in the viewer's zone. The server words them so too, once it knows the zone: from the cookie that is set here.
const minute = 60, hour = 3600, day = 86400;
const units = [[day, "d"], [hour, "h"], [minute, "min"], [1, "s"]];
const zone = Intl.DateTimeFormat().resolvedOptions().timeZone;
const format = (options) => new Intl.DateTimeFormat("en-GB", { ...options, timeZone: zone });
const clock = format({ hour: "2-digit", minute: "2-digit" });
const seconds = format({ hour: "2-digit", minute: "2-digit", second: "2-digit" });
const weekday = format({ weekday: "short" });
const dayOfMonth = format({ day: "numeric" });
const month = format({ month: "short" });
const year = format({ year: "numeric" });
const wholeDay = format({ year: "numeric", month: "numeric", day: "numeric" });

/** A span of time in two units at most: "3 h 27 min"; below 10 s with one decimal, from 10 min on without seconds. */
export function span(milliseconds) {
  if (milliseconds < 10_000) return `${Math.floor(Math.max(milliseconds, 0) / 100) / 10} s`;
  const whole = Math.floor(milliseconds / 1000);
  const at = units.findIndex(([size]) => whole >= size);
  const [size, unit] = units[at];
  const [smaller, name] = units[at + 1] ?? [0, ""];
  const isRough = whole >= 600 && whole < hour;
  const part = smaller && !isRough ? Math.floor((whole % size) / smaller) : 0;
  return part ? `${Math.floor(whole / size)} ${unit} ${String(part).padStart(2, "0")} ${name}` : `${Math.floor(whole / size)} ${unit}`;
}

function days(a, b) {
  const midnight = (moment) => { const [d, m, y] = wholeDay.format(moment).split("/"); return Date.UTC(y, m - 1, d); };
  return Math.abs(midnight(a) - midnight(b)) / 86_400_000;
}

function word(moment, form, now) {
  if (form === "age") return span(now - moment);
  const date = `${dayOfMonth.format(moment)} ${month.format(moment).slice(0, 3)}` + (year.format(moment) === year.format(now) ? "" : ` ${year.format(moment)}`);
  if (form === "date") return date;
  const time = (form === "seconds" ? seconds : clock).format(moment);
  const apart = days(moment, now);
  if (form === "full" || apart > 6) return `${date}, ${time}`;
  return apart ? `${weekday.format(moment)} ${time}` : time;
}

function put(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

/** Words every <time> within `root` anew. */
export function showTimes(root) {
  const now = new Date();
  for (const element of root.querySelectorAll("time[data-form]")) put(element, word(new Date(element.dateTime), element.dataset.form, now));
  for (const element of root.querySelectorAll("[data-age]")) put(element, span(now - Number(element.dataset.age)));
}

document.cookie = `tocsin_zone=${zone}; path=/; max-age=31536000; samesite=lax`;
setInterval(() => { if (!document.hidden) showTimes(document); }, 5_000);
