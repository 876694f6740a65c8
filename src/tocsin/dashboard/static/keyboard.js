// `/` searches, `j` and `k` go through the lines of a list (whatever has data-row), `g` and a letter leads to a page.
const places = { o: "/", i: "/incidents", j: "/jobs", t: "/tenants", e: "/events", c: "/channels", s: "/settings" };
let isGoing = false;

export function watchKeys() {
  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || event.defaultPrevented) return;
    if (event.key === "Escape" && isTyping(event.target)) event.target.blur();
    else if (!isTyping(event.target) && !document.querySelector("dialog[open]") && press(event.key)) event.preventDefault();
  });
}

function isTyping(element) {
  return element.matches?.("input:not([type=checkbox], [type=radio]), textarea, select, [contenteditable]");
}

function press(key) {
  if (isGoing) {
    isGoing = false;
    if (places[key]) location.assign(places[key]);
    return key in places;
  }
  if (key === "/") return search();
  if (key === "?") return document.getElementById("keys")?.showModal() ?? true;
  if (key === "j" || key === "k") return step(key === "j" ? 1 : -1);
  isGoing = key === "g";
  return isGoing;
}

function search() {
  const field = [...document.querySelectorAll("[data-search], #q")].find((one) => one.checkVisibility());
  if (field) { field.focus(); field.select(); } else location.assign("/search");
  return true;
}

function step(by) {
  const rows = [...document.querySelectorAll("[data-row]")].filter((row) => row.checkVisibility());
  if (!rows.length) return false;
  const at = rows.findIndex((row) => row.contains(document.activeElement));
  const row = rows[at < 0 ? (by > 0 ? 0 : rows.length - 1) : Math.min(Math.max(at + by, 0), rows.length - 1)];
  (row.matches("a, summary, button") ? row : row.querySelector("a, summary, button"))?.focus();
  row.scrollIntoView({ block: "nearest" });
  return true;
}
