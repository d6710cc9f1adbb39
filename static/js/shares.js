// The sum of the shares of a split rule, said while they are typed. The server decides.

const hundredths = (text) => {
  const number = Number(text.trim().replace(",", ".").replace(/\s*%$/, ""));
  return Number.isFinite(number) ? Math.round(number * 100) : NaN;
};

function say(form) {
  const together = [...form.querySelectorAll("[data-share]")]
    .map((input) => input.value)
    .filter((text) => text.trim())
    .reduce((sum, text) => sum + hundredths(text), 0);
  const output = form.querySelector("[data-shares-sum]");
  if (Number.isNaN(together)) output.textContent = "Write each share in per cent, such as 33.34.";
  else if (together === 10000) output.textContent = "Together 100 %.";
  else {
    const missing = Math.abs(10000 - together) / 100;
    output.textContent = `Together ${together / 100} %: ${missing} % ${together > 10000 ? "too much" : "missing"}.`;
  }
}

export function startShares(root) {
  for (const form of root.querySelectorAll("[data-shares]")) {
    form.addEventListener("input", () => say(form));
    say(form);
  }
}
