// Keeps the count on a button true: <span data-ticked-in="form's id"> says how many are ticked.
function count() {
  for (const shown of document.querySelectorAll("[data-ticked-in]")) {
    const form = document.getElementById(shown.dataset.tickedIn);
    const ticked = [...form.elements].filter((box) => box.type === "checkbox" && box.checked).length;
    shown.textContent = String(ticked);
    shown.closest("button").disabled = ticked === 0;
  }
}

/** Counts after every tick; `prepare` calls again for cards that htmx took away. */
export function startTicked() {
  document.addEventListener("change", count);
  return count;
}
