// Buttons with data-copy="id" put the text of that element on the clipboard, and say so.
export function startCopy() {
  document.addEventListener("click", async (event) => {
    const button = event.target.closest("[data-copy]");
    if (!button) return;
    const said = document.getElementById(`${button.dataset.copy}-said`);
    try {
      await navigator.clipboard.writeText(document.getElementById(button.dataset.copy).textContent);
      said.textContent = "Copied.";
    } catch {
      said.textContent = "The browser does not allow it: mark the text and copy it.";
    }
  });
}
