// Live pages: the server tells that something changed, and the parts marked with data-live are fetched anew and changed
// in place. Nothing moves under the pointer, or under what has the focus.
import { arm } from "./forms.js";
import { morph } from "./morph.js";
import { showTimes } from "./times.js";

const jitter = 400, slow = 15_000, retry = 3_000;
let number = 0, page = "", source = null, last = "", timer = 0, isOn = false, isFetching = false, isOverdue = false;

export function goLive() {
  const known = document.querySelector("meta[name=live]");
  if (!known) return;
  number = Number(known.content);
  page = known.dataset.page;
  document.addEventListener("visibilitychange", () => (document.hidden ? pause() : connect()));
  addEventListener("pagehide", pause);
  addEventListener("pageshow", ({ persisted }) => { if (persisted) connect(); });
  if (!document.hidden) connect();
  // Where nothing can be heard, it asks by itself.
  setInterval(() => { if (!isOn && !document.hidden) soon(); }, slow * (0.9 + Math.random() / 5));
}

function pause() {
  source?.close();
  source = null;
}

function connect() {
  if (source) return;
  source = new EventSource(`/live?at=${encodeURIComponent(page)}`);
  source.addEventListener("hello", ({ data }) => { show(true); hear(data); });
  source.addEventListener("change", ({ data }) => hear(data));
  source.onerror = () => {
    show(false);
    if (source?.readyState === EventSource.CLOSED) { pause(); setTimeout(() => { if (!document.hidden) connect(); }, retry * (1 + Math.random())); }
  };
}

function hear(data) {
  if (Number(data) <= number) return;
  number = Number(data);
  soon();
}

// Many look at once: each comes a moment later.
function soon() {
  if (!timer) timer = setTimeout(refresh, Math.random() * jitter);
}

async function refresh() {
  timer = 0;
  if (isFetching) { isOverdue = true; return; }
  isFetching = true;
  try {
    const answer = await fetch(location.href, { headers: { "Tocsin-Live": String(number) }, redirect: "error" });
    if (answer.status === 401) { location.reload(); return; }
    if (answer.ok) take(await answer.text());
    show(answer.ok);
  } catch {
    show(false);
  } finally {
    isFetching = false;
    if (isOverdue) { isOverdue = false; soon(); }
  }
}

function take(text) {
  if (text === last) return;
  last = text;
  const fresh = new DOMParser().parseFromString(text, "text/html");
  if (document.querySelector("[data-reload-on-change]") && !fresh.querySelector("[data-reload-on-change]")) { location.reload(); return; }
  arm(fresh);
  for (const part of document.querySelectorAll("[data-live][id]")) {
    const update = fresh.getElementById(part.id);
    if (update) morph(part, update);
  }
  const title = fresh.querySelector("title");
  if (title) document.title = title.textContent;
  showTimes(document);
  document.dispatchEvent(new CustomEvent("tocsin:live"));
}

function show(is) {
  isOn = is;
  for (const element of document.querySelectorAll(".live[data-link]")) {
    element.hidden = false;
    element.dataset.link = isOn ? "on" : "off";
    element.textContent = isOn ? "Live" : "Not live: trying again";
  }
}
