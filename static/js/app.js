// What every page can do beyond links and forms. Pages work without it; see docs/design-system.md.
import { startCopy } from "./copy.js";
import { startKeys } from "./keys.js";
import { startShares } from "./shares.js";
import { startTicked } from "./ticked.js";
import { startTables } from "./tables.js";
import { startTheme } from "./theme_menu.js";
import { startTimes } from "./times.js";
import { startHtmx } from "./fragments.js";

function startDismiss() {
  document.addEventListener("click", (event) => {
    event.target.closest("[data-dismiss]")?.closest("[data-toast]")?.remove();
    const back = event.target.closest("[data-back]");
    if (back && history.length > 1) {
      event.preventDefault();
      history.back();
    }
    // A menu closes when something else is pressed.
    for (const menu of document.querySelectorAll("[data-menu][open]")) {
      if (!menu.contains(event.target)) menu.open = false;
    }
  });
}

function focusErrors(root) {
  root.querySelector("[data-focus]")?.focus();
}

/** What has to be done for a whole page, and again for each fragment that htmx brings. */
function prepare(root) {
  startTables(root);
  startShares(root);
  startTimes(root);
  countTicked();
}

const countTicked = startTicked();
startDismiss();
startCopy();
startTheme();
startKeys();
startHtmx(prepare);
prepare(document);
focusErrors(document);
document.documentElement.dataset.ready = "yes";
