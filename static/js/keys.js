// Keys: ? help, / search, g + letter, j k through rows and cards, a d and others on the one in hand.
const GO_MS = 1_500;
let going = 0;

const typing = (element) =>
  element.closest("input:not([type=checkbox], [type=radio]), textarea, select, [contenteditable]");

/** What j and k walk through: cards, else rows of tables that open. Hidden ones are left out. */
function stops() {
  const cards = [...document.querySelectorAll("main [data-item]")];
  const found = cards.length ? cards : [...document.querySelectorAll("main .row-link")];
  return found.filter((element) => element.checkVisibility());
}

function current(all) {
  return all.findIndex((element) => element.contains(document.activeElement));
}

function step(by) {
  const all = stops();
  if (!all.length) return;
  const at = current(all);
  const next = all[at < 0 ? (by > 0 ? 0 : all.length - 1) : Math.max(0, Math.min(all.length - 1, at + by))];
  if (next.matches("[data-item]") && !next.hasAttribute("tabindex")) next.tabIndex = -1;
  next.focus();
  next.scrollIntoView({ block: "nearest" });
}

/**
 * a, d and others: the button with data-key inside the card in hand; with one card, that one. What
 * is for the whole page (data-page-key) only gets the focus: it does much at once, so Enter does it.
 */
function press(key) {
  const items = [...document.querySelectorAll("main [data-item]")];
  const item = items[current(items)] ?? (items.length === 1 ? items[0] : null);
  const button = item?.querySelector(`[data-key="${CSS.escape(key)}"]`);
  if (button) {
    button.click();
    return true;
  }
  const whole = document.querySelector(`main [data-page-key="${CSS.escape(key)}"]`);
  whole?.focus();
  return Boolean(whole);
}

function search() {
  const box = document.querySelector("#search, main [data-filter-for]");
  box?.focus();
  box?.select();
  return Boolean(box);
}

function help() {
  const dialog = document.getElementById("keys");
  if (dialog && !dialog.open) dialog.showModal();
  return Boolean(dialog);
}

function go(letter) {
  going = 0;
  const link = document.querySelector(`[data-go="${CSS.escape(letter)}"]`);
  if (link) location.assign(link.href);
  return Boolean(link);
}

function handle(key) {
  if (Date.now() - going < GO_MS) return go(key);
  switch (key) {
    case "?":
      return help();
    case "/":
      return search();
    case "g":
      going = Date.now();
      return true;
    case "j":
      step(1);
      return true;
    case "k":
      step(-1);
      return true;
    default:
      return /^[a-z]$/.test(key) && press(key);
  }
}

export function startKeys() {
  document.addEventListener("keydown", (event) => {
    if (event.key === "Escape") {
      const menu = document.querySelector("[data-menu][open]");
      if (menu) {
        menu.open = false;
        menu.querySelector("summary").focus();
      }
      if (typing(event.target)) event.target.blur();
      return;
    }
    if (event.ctrlKey || event.metaKey || event.altKey || event.isComposing) return;
    if (typing(event.target) || document.querySelector("dialog[open]")) return;
    if (handle(event.key)) event.preventDefault();
  });
  document.addEventListener("click", (event) => {
    if (event.target.closest("[data-open-keys]")) help();
    const row = event.target.closest("tr:has(.row-link)");
    // A row opens by a click anywhere on it, unless something in it was pressed or text was selected.
    if (!row || event.target.closest("a, button, input, select, summary, label, details") || String(getSelection())) return;
    row.querySelector(".row-link").click();
  });
}
