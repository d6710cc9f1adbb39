// Keeps relative times true while a page stays open: <time data-age datetime="…">3 min ago</time>.
// The portal's own clock counts, not the browser's: the page says what time it is when it is made.
const skew = Date.parse(document.documentElement.dataset.now ?? "") - Date.now() || 0;
const EVERY_MS = 30_000;

/** The same words as portal/kernel/formatting_times.age; null beyond a week, where the text stays. */
export function age(then, now) {
  const minutes = Math.trunc(Math.abs(now - then) / 60_000);
  if (minutes >= 7 * 24 * 60) return null;
  if (minutes < 1) return "just now";
  let size = `${minutes} min`;
  if (minutes >= 24 * 60) size = `${Math.trunc(minutes / (24 * 60))} d`;
  else if (minutes >= 60) size = `${Math.trunc(minutes / 60)} h`;
  return now > then ? `${size} ago` : `in ${size}`;
}

function refresh(root) {
  const now = Date.now() + skew;
  for (const time of root.querySelectorAll("[data-age] time, time[data-age]")) {
    const text = age(Date.parse(time.dateTime), now);
    if (text && time.textContent !== text) time.textContent = text;
  }
}

let ticking = false;

export function startTimes(root) {
  refresh(root);
  if (ticking) return;
  ticking = true;
  setInterval(() => refresh(document), EVERY_MS);
}
