// Colours follow the system until somebody chooses; a third press goes back to the system.
const NAMES = { "": "as the system", light: "light", dark: "dark" };
const NEXT = { "": "dark", dark: "light", light: "" };

function show(theme) {
  for (const place of document.querySelectorAll("[data-theme-name]")) place.textContent = NAMES[theme];
}

function choose(theme) {
  const root = document.documentElement;
  if (theme) root.dataset.theme = theme;
  else delete root.dataset.theme;
  try {
    localStorage.setItem("theme", theme);
  } catch {
    // Forbidden storage: the choice holds for this page.
  }
  show(theme);
  document.dispatchEvent(new CustomEvent("headroom:theme"));
}

export function startTheme() {
  show(document.documentElement.dataset.theme ?? "");
  document.addEventListener("click", (event) => {
    if (event.target.closest("[data-theme-toggle]")) {
      choose(NEXT[document.documentElement.dataset.theme ?? ""]);
    }
  });
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () =>
    document.dispatchEvent(new CustomEvent("headroom:theme")),
  );
}
