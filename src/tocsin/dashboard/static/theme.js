// Light, dark, or as the system has it: a cookie, so that the server draws the next page right from the beginning.
export function offerThemes() {
  for (const group of document.querySelectorAll("[data-theme-choice]")) {
    group.hidden = false;
    group.addEventListener("click", ({ target }) => {
      const button = target.closest("button");
      if (button) choose(button.value);
    });
  }
}

function choose(theme) {
  document.cookie = `tocsin_theme=${theme}; path=/; max-age=${theme ? 31536000 : 0}; samesite=lax`;
  if (theme) document.documentElement.dataset.theme = theme;
  else delete document.documentElement.dataset.theme;
  document.querySelector("meta[name=color-scheme]").content = theme || "light dark";
  for (const button of document.querySelectorAll("[data-theme-choice] button")) button.setAttribute("aria-pressed", button.value === theme);
}
