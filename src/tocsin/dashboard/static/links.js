// The token of a one-time link stands behind its #, which browsers send to nobody: from there it goes into the form.
export function readLinkToken() {
  const token = location.hash.slice(1);
  const place = document.querySelector("[data-from-hash]");
  if (!place || !token) return;
  place.querySelector("input").value = token;
  place.hidden = true;
  history.replaceState(null, "", location.pathname + location.search);
}
