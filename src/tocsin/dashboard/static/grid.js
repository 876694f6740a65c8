// A cell of the tenant grid under the pointer: when it was, how it went, and the way to its run.
const words = { ok: "Ok", missed: "Missed", error: "Error", timeout: "Timeout", progress: "In progress", unknown: "Unknown: Tocsin was away", late: "Late" };
const clock = new Intl.DateTimeFormat("en-GB", { weekday: "short", day: "numeric", month: "short", hour: "2-digit", minute: "2-digit" });
const slots = 30;
let tip;

/** {strip, slot, at, state} of what lies at this point, or null. */
function cellAt(event) {
  const strip = event.target.closest?.("[data-slots]");
  if (!strip) return null;
  const box = strip.getBoundingClientRect();
  const slot = Math.min(slots - 1, Math.max(0, Math.floor(((event.clientX - box.left) / box.width) * slots)));
  const told = strip.dataset.slots.split(",");
  if (!told[slot]) return null;
  const at = told.slice(0, slot + 1).reduce((sum, step) => sum + Number(step || 0), 0);
  const rect = [...strip.children].find((one) => slot * 16 < Number(one.getAttribute("x")) + Number(one.getAttribute("width")));
  const state = rect?.getAttribute("fill").match(/c-(\w+)/)?.[1] ?? "";
  return { strip, slot, at, state, box };
}

function hide() { if (tip) tip.hidden = true; }

function show(cell) {
  if (!tip) {
    tip = Object.assign(document.createElement("div"), { className: "tip", role: "status" });
    document.body.append(tip);
  }
  tip.textContent = `${words[cell.state] ?? cell.state} · ${clock.format(cell.at * 1000)}`;
  tip.hidden = false;
  const x = cell.box.left + ((cell.slot + 0.5) / slots) * cell.box.width;
  tip.style.left = `${Math.min(Math.max(x, tip.offsetWidth / 2 + 8), innerWidth - tip.offsetWidth / 2 - 8)}px`;
  tip.style.top = `${cell.box.top - 6}px`;
}

export function pointAtSlots() {
  if (!document.querySelector("[data-grid]")) return;
  document.addEventListener("pointermove", (event) => { const cell = cellAt(event); cell ? show(cell) : hide(); });
  document.addEventListener("scroll", hide, { passive: true });
  document.addEventListener("click", (event) => {
    const cell = cellAt(event);
    if (!cell) return;
    const grid = cell.strip.closest("[data-grid]").dataset.grid;
    location.href = `${grid}/slot?${new URLSearchParams({ tenant: cell.strip.dataset.tenant, at: cell.at })}`;
  });
}
