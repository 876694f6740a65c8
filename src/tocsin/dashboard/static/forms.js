// Small helps around forms: copy, dismiss, and no second submission by a double click.
export function keepAccount() {
  for (const button of document.querySelectorAll("[data-copy], [data-dismiss]")) button.hidden = false;
  document.addEventListener("click", ({ target }) => {
    const button = target.closest?.("[data-copy], [data-dismiss]");
    if (button?.matches("[data-copy]")) copy(button);
    else if (button) button.closest(".toast")?.remove();
  });
  document.addEventListener("submit", (event) => {
    const form = event.target;
    if (event.defaultPrevented || form.method !== "post") return;
    if (form.dataset.isSent) event.preventDefault();
    form.dataset.isSent = "yes";
    setTimeout(() => delete form.dataset.isSent, 3_000);
  });
  for (const select of document.querySelectorAll("select[data-submit]")) select.addEventListener("change", () => select.form.requestSubmit());
}

async function copy(button) {
  const lines = button.dataset.copy || button.parentElement.querySelector("pre").textContent;
  await navigator.clipboard.writeText(lines);
  const before = button.getAttribute("aria-label");
  button.setAttribute("aria-label", "Copied");
  button.classList.add("is-done");
  setTimeout(() => { button.setAttribute("aria-label", before); button.classList.remove("is-done"); }, 2_000);
}

/** After live parts came in: their forms get this visitor's token, their buttons are shown. */
export function arm(root) {
  const token = document.querySelector("meta[name=csrf]")?.content;
  for (const field of root.querySelectorAll("input[name=csrf]")) if (token) field.value = token;
  for (const button of root.querySelectorAll("[data-copy], [data-dismiss]")) button.hidden = false;
}
