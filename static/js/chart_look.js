// The look of every chart, read from static/css/tokens.css at the moment of drawing (light or dark).
const NAMES = [
  "ink", "ink-quiet", "ok", "paper", "line", "surface",
  "chart-limit", "chart-baseline", "chart-burst", "chart-burst-name", "chart-adopted", "chart-promised", "chart-used", "chart-throttled", "chart-grid",
];
const SERIES = 8;

/** A token's colour as the browser resolves it: light-dark() included. */
function resolver() {
  const probe = document.createElement("i");
  probe.hidden = true;
  document.body.append(probe);
  const read = (name) => {
    probe.style.color = `var(--${name})`;
    return getComputedStyle(probe).color;
  };
  return [read, () => probe.remove()];
}

export function look() {
  const [read, done] = resolver();
  const colours = Object.fromEntries(NAMES.map((name) => [name, read(name)]));
  const series = Array.from({ length: SERIES }, (_, i) => read(`series-${i}`));
  done();
  const font = getComputedStyle(document.body).fontFamily;
  return { colours, font, slot: (number) => series[number % SERIES] };
}

/** Every layout gets the same type, grid and hover; what a kind says of itself wins. */
export function withTemplate(layout, { colours, font }) {
  const axis = {
    gridcolor: colours["chart-grid"],
    linecolor: colours.line,
    zeroline: false,
    ticks: "",
    automargin: true,
    title: { font: { size: 12, color: colours["ink-quiet"] }, standoff: 8 },
    tickfont: { size: 12, color: colours["ink-quiet"] },
  };
  const template = {
    layout: {
      font: { family: font, size: 13, color: colours.ink },
      paper_bgcolor: colours.paper,
      plot_bgcolor: colours.paper,
      xaxis: { ...axis, showgrid: false, spikecolor: colours["ink-quiet"], spikethickness: 1 },
      yaxis: axis,
      separators: ".,",
      hovermode: "x unified",
      hoverlabel: { bgcolor: colours.surface, bordercolor: colours.line, font: { size: 12, color: colours.ink } },
      legend: { orientation: "h", x: 0, y: 1.02, yanchor: "bottom", font: { size: 12 }, traceorder: "normal", itemclick: false, itemdoubleclick: false },
      dragmode: false,
    },
  };
  return { autosize: true, ...layout, template };
}

/** UTC milliseconds as wall time in a zone, which Plotly shows as it is. Offsets are asked once an hour. */
export function wallClock(zone) {
  const format = new Intl.DateTimeFormat("en-GB", {
    timeZone: zone, hourCycle: "h23", year: "numeric", month: "2-digit", day: "2-digit",
    hour: "2-digit", minute: "2-digit", second: "2-digit",
  });
  const offsets = new Map();
  const offset = (hour) => {
    const parts = Object.fromEntries(format.formatToParts(hour).map(({ type, value }) => [type, Number(value)]));
    return Date.UTC(parts.year, parts.month - 1, parts.day, parts.hour, parts.minute, parts.second) - hour;
  };
  return (ms) => {
    const hour = ms - (((ms % 3_600_000) + 3_600_000) % 3_600_000);
    if (!offsets.has(hour)) offsets.set(hour, offset(hour));
    return new Date(ms + offsets.get(hour)).toISOString().slice(0, 19);
  };
}

export const compact = (number) =>
  new Intl.NumberFormat("en-GB", { notation: "compact", maximumSignificantDigits: 3 }).format(number).replace("K", "k").replace("bn", "B");

/**
 * Names at the right end of their lines, moved apart so that none covers another.
 * labels: [{text, value, colour}]; top: the axis' highest value; height: its length in pixels.
 */
export function endLabels(labels, top, height, axis = "y") {
  const gap = (17 / height) * top;
  const sorted = [...labels].sort((a, b) => a.value - b.value);
  let floor = -Infinity;
  for (const label of sorted) {
    label.at = Math.max(label.value, floor + gap);
    floor = label.at;
  }
  const over = sorted.length ? sorted.at(-1).at - top : 0;
  let ceiling = over > 0 ? top : Infinity;
  for (const label of sorted.toReversed()) {
    if (label.at > ceiling) label.at = ceiling;
    ceiling = label.at - gap;
  }
  return sorted.map(({ text, at, colour }) => ({
    text, x: 1, xref: "paper", xanchor: "left", xshift: 6, y: at, yref: axis, yanchor: "middle",
    showarrow: false, align: "left", font: { size: 12, color: colour },
  }));
}

/** A time axis whose ticks say the day, and the hour where there is room for it. */
export const timeAxis = (extra = {}) => ({
  type: "date",
  hoverformat: "%a %-d %b, %H:%M",
  tickformatstops: [
    { dtickrange: [null, 43_200_000], value: "%H:%M\n%a %-d %b" },
    { dtickrange: [43_200_000, null], value: "%a %-d %b" },
  ],
  ...extra,
});
