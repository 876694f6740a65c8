// Makes one element like another with as few changes as will do, so that focus, open details, selections and what the
// pointer is on stay where they are. Children are matched by id or data-key, else by place.
const key = (node) => (node.nodeType === 1 ? node.id || node.dataset.key || "" : "");
const isAlike = (a, b) => a.nodeType === b.nodeType && a.nodeName === b.nodeName && key(a) === key(b);

export function morph(old, fresh) {
  if (old.isEqualNode(fresh)) return;
  if (isBusy(old)) { later(old, fresh); return; }
  copyAttributes(old, fresh);
  morphChildren(old, fresh);
}

function copyAttributes(old, fresh) {
  for (const { name, value } of [...fresh.attributes]) if (old.getAttribute(name) !== value) old.setAttribute(name, value);
  for (const { name } of [...old.attributes]) if (!fresh.hasAttribute(name) && !(name === "open" && old.nodeName === "DETAILS")) old.removeAttribute(name);
}

function morphChildren(old, fresh) {
  let at = old.firstChild;
  for (const wanted of [...fresh.childNodes]) {
    let found = at;
    if (key(wanted)) while (found && !isAlike(found, wanted)) found = found.nextSibling;
    if (found && isAlike(found, wanted)) {
      while (at !== found) { const gone = at; at = at.nextSibling; if (isWanted(gone, fresh)) old.insertBefore(gone, null); else gone.remove(); }
      at = found.nextSibling;
      if (found.nodeType === 1) morphElement(found, wanted);
      else if (found.nodeValue !== wanted.nodeValue) found.nodeValue = wanted.nodeValue;
    } else {
      old.insertBefore(document.importNode(wanted, true), at);
    }
  }
  while (at) { const gone = at; at = at.nextSibling; gone.remove(); }
}

function morphElement(old, fresh) {
  if (old.isEqualNode(fresh)) return;
  if (old.matches("input, textarea, select") && (old === document.activeElement || old.value !== old.defaultValue)) return;
  copyAttributes(old, fresh);
  morphChildren(old, fresh);
}

const isWanted = (node, fresh) => key(node) !== "" && [...fresh.children].some((child) => isAlike(child, node));

// A list that would be put in another order waits while the pointer is on it, or the focus in it.
function isBusy(part) {
  return part.matches(":hover, :focus-within") && part.querySelector("[data-row]") !== null;
}

const waiting = new Map();

function later(old, fresh) {
  const order = (root) => [...root.querySelectorAll("[data-row]")].map((row) => row.querySelector("a")?.getAttribute("href") ?? "").join("\n");
  if (order(old) === order(fresh)) {
    copyAttributes(old, fresh);
    morphChildren(old, fresh);
    return;
  }
  const isNew = !waiting.has(old);
  waiting.set(old, fresh);
  if (!isNew) return;
  const release = () => {
    if (old.matches(":hover, :focus-within")) return;
    old.removeEventListener("pointerleave", release);
    old.removeEventListener("focusout", soon);
    const latest = waiting.get(old);
    waiting.delete(old);
    if (latest) morph(old, latest);
  };
  const soon = () => setTimeout(release, 50);
  old.addEventListener("pointerleave", release);
  old.addEventListener("focusout", soon);
}
