// CSV of what is shown: exact values where a cell knows them (<data value>, <time datetime>), else text.
export function cellValue(cell) {
  if (cell.dataset.csv !== undefined) return cell.dataset.csv;
  const exact = cell.querySelectorAll("data[value], time[datetime]");
  if (exact.length === 1 && exact[0].textContent.trim() === cell.textContent.trim()) {
    const value = exact[0].value ?? exact[0].dateTime;
    if (value) return value;
  }
  const text = cell.textContent.trim().replace(/\s+/g, " ");
  return text === "–" ? "" : text;
}

function quoted(value) {
  // A leading = + - @ would be run as a formula by a spreadsheet; plain numbers are no formulas.
  const safe = /^[=+@\-\t]/.test(value) && !/^-?[\d.]+$/.test(value) ? `'${value}` : value;
  return /[",\n]/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe;
}

function cellsOf(row) {
  return [...row.cells].flatMap((cell) => [
    cellValue(cell),
    ...Array.from({ length: cell.colSpan - 1 }, () => ""),
  ]);
}

export function tableAsCsv(table) {
  const rows = [...table.rows].filter((row) => !row.hidden && !row.classList.contains("none"));
  return rows.map((row) => cellsOf(row).map(quoted).join(",")).join("\r\n") + "\r\n";
}

export function download(name, text) {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(new Blob(["\ufeff", text], { type: "text/csv" }));
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 1_000);
}
