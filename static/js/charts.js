// Draws every <figure data-chart="ID of its JSON"> when it comes into view. The server sends what the
// numbers mean (portal/kernel/charts.py); chart_kinds.js decides the picture; colours come from the tokens.
// Plotly is fetched only by a page whose chart is seen. If it does not come, the table is shown instead.
import { kinds } from "./chart_kinds.js";
import { look, withTemplate } from "./chart_look.js";
import { download, tableAsCsv } from "./csv.js";

const PLOTLY = document.getElementById("charts").dataset.plotly;
const CONFIG = { responsive: true, displayModeBar: false, displaylogo: false, doubleClick: "reset" };
let plotlyComes = null;

function plotly() {
  plotlyComes ??= new Promise((resolve, reject) => {
    const script = document.createElement("script");
    script.src = PLOTLY;
    script.onload = () => resolve(window.Plotly);
    script.onerror = reject;
    document.head.append(script);
  });
  return plotlyComes;
}

const specOf = (figure) => JSON.parse(document.getElementById(figure.dataset.chart).textContent);

async function draw(figure) {
  const place = figure.querySelector(".chart-plot");
  try {
    const Plotly = await plotly();
    const spec = specOf(figure);
    const now = look();
    const { traces, layout, height } = kinds[spec.kind](spec, now, place.clientWidth);
    if (height) place.style.height = `${height}px`;
    if (!place.classList.contains("js-plotly-plot")) place.replaceChildren();
    await Plotly.react(place, traces, withTemplate(layout, now), CONFIG);
    figure.dataset.drawn = place.clientWidth < 560 ? "narrow" : "wide";
  } catch (error) {
    console.error("A chart could not be drawn; its table is shown.", error);
    figure.dataset.drawn = "failed";
    show(figure, "table");
  }
}

function show(figure, view) {
  figure.dataset.view = view;
  const button = figure.querySelector("[data-chart-toggle]");
  button.setAttribute("aria-pressed", String(view === "table"));
  button.textContent = view === "table" ? "Show as chart" : "Show as table";
}

async function savePng(figure) {
  const Plotly = await plotly();
  const place = figure.querySelector(".chart-plot");
  const size = { width: Math.max(place.clientWidth, 900), height: Math.max(place.clientHeight, 360) };
  await Plotly.downloadImage(place, { format: "png", scale: 2, filename: figure.id, ...size });
}

const seen = new IntersectionObserver(
  (entries) => {
    for (const entry of entries) {
      if (!entry.isIntersecting) continue;
      seen.unobserve(entry.target);
      draw(entry.target);
    }
  },
  { rootMargin: "200px" },
);

function watchAll() {
  for (const figure of document.querySelectorAll("figure[data-chart]:not([data-watched])")) {
    figure.dataset.watched = "yes";
    seen.observe(figure);
  }
}

function redraw(figures) {
  for (const figure of figures) if (figure.dataset.drawn && figure.dataset.drawn !== "failed") draw(figure);
}

document.addEventListener("click", (event) => {
  const figure = event.target.closest("figure[data-chart]");
  if (!figure) return;
  if (event.target.closest("[data-chart-toggle]")) {
    show(figure, figure.dataset.view === "table" ? "plot" : "table");
    if (figure.dataset.view === "plot") draw(figure);
  }
  if (event.target.closest("[data-chart-csv]")) {
    download(`${figure.id}.csv`, tableAsCsv(figure.querySelector("table")));
  }
  if (event.target.closest("[data-chart-png]")) savePng(figure);
});

document.addEventListener("headroom:theme", () => redraw(document.querySelectorAll("figure[data-drawn]")));
document.addEventListener("headroom:fragment", watchAll);
addEventListener("resize", () => {
  // Labels stand beside the plot when wide and above it when narrow: only that change needs a redraw.
  redraw(
    [...document.querySelectorAll("figure[data-drawn]")].filter((figure) => {
      const narrow = figure.querySelector(".chart-plot").clientWidth < 560;
      return (figure.dataset.drawn === "narrow") !== narrow;
    }),
  );
});
addEventListener("beforeprint", () => {
  for (const figure of document.querySelectorAll("figure[data-chart]:not([data-drawn])")) draw(figure);
});
watchAll();
