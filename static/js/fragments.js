// htmx: prepares what arrives, and says in words what went wrong when nothing arrived.
function say(title, text) {
  const template = document.getElementById("network-problem");
  const place = document.getElementById("problems");
  if (!template || !place) return;
  const note = template.content.cloneNode(true);
  note.querySelector("[data-problem-title]").textContent = title;
  note.querySelector("[data-problem-text]").textContent = text;
  place.replaceChildren(note);
  place.scrollIntoView({ block: "nearest" });
}

function isSignIn(address) {
  return new URL(address, location.href).pathname.startsWith("/accounts/login");
}

export function startHtmx(prepare) {
  const body = document.body;
  body.addEventListener("htmx:beforeRequest", () => {
    document.getElementById("problems")?.replaceChildren();
  });
  body.addEventListener("htmx:beforeSwap", (event) => {
    const answered = event.detail.xhr.responseURL;
    if (!answered || !isSignIn(answered) || isSignIn(location.href)) return;
    event.detail.shouldSwap = false;
    say(
      "Your session ended.",
      "Nothing was sent. Sign in again in a new tab, come back here and press once more: what you typed is still here.",
    );
  });
  body.addEventListener("htmx:sendError", () =>
    say("No answer.", "The network or the server is away, so nothing is known to be saved. Look at the page again before you repeat it."),
  );
  body.addEventListener("htmx:responseError", (event) =>
    say("Not done.", `Headroom answered ${event.detail.xhr.status}; nothing was saved. Load the page again and repeat it. If it fails again, quote ${event.detail.xhr.status} ${event.detail.pathInfo.requestPath} to the platform team.`),
  );
  body.addEventListener("htmx:afterSettle", (event) => {
    prepare(event.detail.elt.isConnected ? event.detail.elt : document);
    document.dispatchEvent(new CustomEvent("headroom:fragment"));
    event.detail.elt.querySelector?.("[data-focus]")?.focus();
  });
}
