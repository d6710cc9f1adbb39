// Tables: sort by any column, filter by typing, the URL holds both, CSV of what is shown.
//   <table id="pools" data-sortable data-filter>; a header with data-nosort stays plain.
// Narrow screens: every cell learns its heading, and the roles that display:block would take away.
import { cellValue, download, tableAsCsv } from "./csv.js";

const collator = new Intl.Collator(undefined, { numeric: true, sensitivity: "base" });

const bodyRows = (table) =>
  [...(table.tBodies[0]?.rows ?? [])].filter((row) => !row.classList.contains("none"));

function remember(table, name, value) {
  const url = new URL(location.href);
  const key = `${table.id}.${name}`;
  if (value) url.searchParams.set(key, value);
  else url.searchParams.delete(key);
  history.replaceState(history.state, "", url);
}

const recalled = (table, name) => new URLSearchParams(location.search).get(`${table.id}.${name}`);

function sortKey(cell) {
  const text = cell?.dataset.sort ?? (cell ? cellValue(cell) : "");
  const number = Number(text);
  return text !== "" && Number.isFinite(number) ? number : text;
}

/** Missing values go last in either direction. */
function compare(a, b, sign) {
  if (a === "" || b === "") return (a === "") - (b === "");
  if (typeof a === "number" && typeof b === "number") return sign * (a - b);
  return sign * collator.compare(String(a), String(b));
}

function sortBy(table, column, descending) {
  const sign = descending ? -1 : 1;
  const keyed = bodyRows(table).map((row) => [sortKey(row.cells[column]), row]);
  keyed.sort(([a], [b]) => compare(a, b, sign));
  table.tBodies[0].append(...keyed.map(([, row]) => row), ...table.tBodies[0].querySelectorAll(".none"));
  for (const [i, header] of [...table.tHead.rows[0].cells].entries()) {
    if (i === column) header.setAttribute("aria-sort", descending ? "descending" : "ascending");
    else header.removeAttribute("aria-sort");
  }
}

function makeSortable(table) {
  const headers = [...table.tHead.rows[0].cells];
  for (const [i, header] of headers.entries()) {
    if (header.hasAttribute("data-nosort") || !header.textContent.trim() || header.querySelector("button")) continue;
    const button = document.createElement("button");
    button.type = "button";
    button.append(...header.childNodes);
    header.append(button);
    button.addEventListener("click", () => {
      const was = header.getAttribute("aria-sort");
      // Numbers are asked for largest first, words from A.
      const descending = was ? was === "ascending" : header.classList.contains("num");
      sortBy(table, i, descending);
      remember(table, "sort", `${descending ? "-" : ""}${i}`);
    });
  }
  const sorted = recalled(table, "sort");
  if (sorted && headers[Math.abs(Number(sorted))]) sortBy(table, Math.abs(Number(sorted)), sorted.startsWith("-"));
}

/** The noun that goes with a number: entries, entry. As portal/kernel/formatting.py says it. */
function nounFor(plural, number) {
  return number === 1 ? plural.replace(/ies$/, "y").replace(/s$/, "") : plural;
}

function filterBy(table, text) {
  const words = text.toLocaleLowerCase().split(/\s+/).filter(Boolean);
  const rows = bodyRows(table);
  let shown = 0;
  for (const row of rows) {
    const has = row.textContent.toLocaleLowerCase();
    row.hidden = !words.every((word) => has.includes(word));
    shown += !row.hidden;
  }
  for (const place of document.querySelectorAll(`[data-count-for="${table.id}"]`)) {
    const noun = nounFor(place.dataset.noun, rows.length);
    place.textContent = shown === rows.length ? `${rows.length} ${noun}` : `${shown} of ${rows.length} ${noun}`;
  }
}

function makeFilterable(table) {
  const box = document.querySelector(`[data-filter-for="${table.id}"]`);
  if (!box) return;
  const filter = () => {
    filterBy(table, box.value);
    remember(table, "q", box.value.trim());
  };
  if (!box.dataset.wired) {
    box.dataset.wired = "yes";
    box.value = recalled(table, "q") ?? box.value;
    box.addEventListener("input", filter);
  }
  filterBy(table, box.value);
}

function label(table) {
  const headings = [...(table.tHead?.rows[0]?.cells ?? [])].map((cell) => cell.textContent.trim());
  table.setAttribute("role", "table");
  for (const group of table.querySelectorAll("thead, tbody, tfoot")) group.setAttribute("role", "rowgroup");
  for (const row of table.rows) {
    row.setAttribute("role", "row");
    for (const [i, cell] of [...row.cells].entries()) {
      const inHead = row.parentElement === table.tHead;
      const role = cell.tagName === "TD" ? "cell" : inHead ? "columnheader" : "rowheader";
      cell.setAttribute("role", role);
      if (!inHead && cell.colSpan === 1) cell.dataset.label ??= headings[i] ?? "";
    }
  }
}

function startTable(table) {
  label(table);
  if (table.hasAttribute("data-sortable") && table.tHead) makeSortable(table);
  if (table.hasAttribute("data-filter")) makeFilterable(table);
}

export function startTables(root) {
  const inside = [...root.querySelectorAll("table.table")];
  const around = root.closest?.("table.table");
  for (const table of around ? [around, ...inside] : inside) startTable(table);
}

// A list that comes in pages is asked for once more, with all its rows.
async function whole(table, address) {
  const answer = await fetch(address, { headers: { Accept: "text/html" } });
  if (!answer.ok) throw new Error(`${address}: ${answer.status}`);
  const page = new DOMParser().parseFromString(await answer.text(), "text/html");
  return page.getElementById(table.id) ?? table;
}

document.addEventListener("click", async (event) => {
  const button = event.target.closest("[data-csv-of]");
  const table = button && document.getElementById(button.dataset.csvOf);
  if (!table) return;
  const all = button.dataset.csvAll;
  button.disabled = true;
  try {
    download(`${table.id}.csv`, tableAsCsv(all ? await whole(table, all) : table));
  } finally {
    button.disabled = false;
  }
});
