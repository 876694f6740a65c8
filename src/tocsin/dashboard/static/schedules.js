// What a schedule will do, while it is typed. Without this there is the button.
export function previewSchedules() {
  const place = document.querySelector("[data-preview]");
  const form = place?.closest("form");
  if (!form) return;
  form.querySelector("[data-preview-button]").hidden = true;
  let waiting, latest = 0;
  const look = async () => {
    const mine = ++latest;
    const answer = await fetch(place.dataset.preview, { method: "POST", body: new URLSearchParams(new FormData(form)) }).catch(() => null);
    if (!answer?.ok || mine !== latest) return;
    const shown = new DOMParser().parseFromString(await answer.text(), "text/html").body;
    place.replaceChildren(...shown.childNodes);
  };
  form.addEventListener("input", (event) => {
    if (!/^(schedule\.|gracePeriod)/.test(event.target.name)) return;
    clearTimeout(waiting);
    waiting = setTimeout(look, 250);
  });
}
