// One function for each kind of chart: (specification, look, width in pixels) → traces and layout.
// Only SVG trace types: WebGL ones need eval, which the Content-Security-Policy forbids.
import { limitHistory } from "./chart_capacity.js";
import { dayGaps, gapTrace, timeGaps } from "./chart_gaps.js";
import { compact, endLabels, timeAxis, wallClock } from "./chart_look.js";

const NARROW = 560;
const HATCH = { shape: "/", size: 7, solidity: 0.22, fillmode: "overlay" };
const HEIGHT = 340;
// An area by steps, without an outline: a kind of which nothing is held leaves no line.
const STEP = { shape: "hv", width: 0 };

const dayAxis = (width) => ({ type: "date", tickformat: "%-d %b", hoverformat: "%a %-d %b", nticks: width < NARROW ? 5 : 12 });
const highest = (...lists) => Math.max(0, ...lists.map((list) => list.reduce((top, n) => Math.max(top, n ?? 0), 0)));

/** A dashed, named line; when the limit is far above everything, words at the top instead. */
function limitLine(limit, name, top, colour, axis, reach = 3) {
  if (limit === null || limit === undefined) return { shapes: [], top: top * 1.08, words: null };
  if (limit > top * reach) return { shapes: [], top: top * 1.08, words: `${name} ${compact(limit)}, far above` };
  const line = { color: colour, width: 1.5, dash: "dash" };
  const shape = { type: "line", xref: "paper", x0: 0, x1: 1, yref: axis, y0: limit, y1: limit, line };
  return { shapes: [shape], top: Math.max(top, limit) * 1.08, words: null };
}

const corner = (text, colour) => ({
  text, x: 1, xref: "paper", xanchor: "right", y: 1, yref: "paper", yanchor: "top", showarrow: false, font: { size: 12, color: colour },
});

/** "Burst +80k" above the start of each burst, while they are few enough to be read. */
function burstNames(spec, wall, colours) {
  const starts = spec.held.filter(([, , burst], i) => burst > 0 && burst !== spec.held[i - 1]?.[2]);
  if (starts.length > 6) return [];
  return starts.map(([at, base, burst]) => ({
    text: `Burst +${compact(burst)}`, x: wall(at), y: base + burst, xanchor: "left", yanchor: "bottom", showarrow: false, font: { size: 12, color: colours["chart-burst-name"] },
  }));
}

/** What was held when each point began. */
function heldAt({ used, held, start, step }) {
  let run = 0;
  return used.map((_, i) => {
    while (run + 1 < held.length && held[run + 1][0] <= start + i * step) run += 1;
    return held.length ? held[run][1] + held[run][2] : 0;
  });
}

function capacityUse(spec, { colours }, width) {
  const wall = wallClock(spec.zone);
  const narrow = width < NARROW;
  const x = spec.used.map((_, i) => wall(spec.start + i * spec.step));
  const heldX = [...spec.held.map(([at]) => wall(at)), wall(spec.end)];
  const level = (pick) => [...spec.held.map(pick), pick(spec.held.at(-1) ?? [0, 0, 0])];
  const base = level((entry) => entry[1]);
  const burst = level((entry) => entry[2]);
  const held = base.map((value, i) => value + burst[i]);
  const limit = limitLine(spec.limit, spec.limit_name, highest(held, spec.used), colours["chart-limit"], "y");
  const refused = spec.throttled.some((count) => count > 0);
  const hasBurst = burst.some((value) => value > 0);
  const each = spec.step === 60_000 ? "a minute" : `in ${spec.step / 60_000} min`;
  const traces = [
    { x: heldX, y: base, name: spec.held_name === "Held" ? "Baseline" : spec.held_name, mode: "lines", line: STEP, stackgroup: "held", fillcolor: colours["chart-baseline"], hoverinfo: "skip", showlegend: narrow },
    { x: heldX, y: burst, name: "Burst", mode: "lines", line: STEP, stackgroup: "held", fillcolor: colours["chart-baseline"], fillpattern: { ...HATCH, fgcolor: colours["chart-burst"], bgcolor: colours["chart-baseline"], fillmode: "replace" }, hoverinfo: "skip", showlegend: narrow && hasBurst },
    { x: heldX, y: held, name: spec.held_name, mode: "lines", line: { shape: "hv", width: 1.5, color: colours["ink-quiet"] }, hoverinfo: "skip", showlegend: false },
    { x, y: spec.used, name: "Used", mode: "lines", line: { width: 1.6, color: colours["chart-used"] }, connectgaps: false, showlegend: narrow, customdata: heldAt(spec), hovertemplate: `%{y:,.0f} of %{customdata:,.0f} ${spec.unit} ${spec.held_name.toLowerCase()}` },
  ];
  const gaps = timeGaps(spec, wall);
  if (gaps.length) traces.push(gapTrace(gaps, limit.top || 1, colours));
  if (refused) {
    traces.push({ x, y: spec.throttled, name: narrow ? `429 ${each}` : `Refused (429) ${each}`, type: "bar", yaxis: "y2", marker: { color: colours["chart-throttled"], line: { width: 0 } }, hovertemplate: "%{y:,.0f}", showlegend: narrow });
  }
  const labels = [
    { text: `${spec.held_name} ${compact(held.at(-1))}`, value: held.at(-1), colour: colours["ink-quiet"] },
    ...(limit.shapes.length ? [{ text: `${spec.limit_name} ${compact(spec.limit)}`, value: spec.limit, colour: colours["chart-limit"] }] : []),
  ];
  const lastUsed = spec.used.findLast((value) => value !== null && value !== undefined);
  if (lastUsed !== undefined) labels.push({ text: "Used", value: lastUsed, colour: colours["chart-used"] });
  const domain = refused ? [0.22, 1] : [0, 1];
  const annotations = narrow ? [] : endLabels(labels, limit.top, (domain[1] - domain[0]) * (HEIGHT - 56));
  if (limit.words) annotations.push(corner(limit.words, colours["ink-quiet"]));
  if (!narrow) annotations.push(...burstNames(spec, wall, colours));
  if (refused && !narrow) {
    annotations.push({ text: `Refused (429)<br>${each}`, x: 1, xref: "paper", xanchor: "left", xshift: 6, y: 0.07, yref: "paper", yanchor: "middle", align: "left", showarrow: false, font: { size: 12, color: colours["chart-throttled"] } });
  }
  return {
    traces,
    layout: {
      margin: { l: 56, r: narrow ? 8 : 118, t: narrow ? 40 : gaps.length ? 30 : 10, b: 40 },
      showlegend: narrow || gaps.length > 0,
      legend: { entrywidth: gaps.length ? 112 : 84 },
      shapes: limit.shapes,
      annotations,
      bargap: 0,
      xaxis: timeAxis({ anchor: refused ? "y2" : "y", range: [wall(spec.start), wall(spec.end)] }),
      yaxis: { domain, range: [0, limit.top || 1], tickformat: "~s", title: { text: spec.unit } },
      // Left out, not undefined: Plotly takes a named axis for one that is there.
      ...(refused ? { yaxis2: { domain: [0, 0.14], autorange: "reversed", rangemode: "tozero", tickvals: [highest(spec.throttled)], tickformat: "~s", showgrid: false } } : {}),
    },
  };
}

function barsByTeam(spec, { colours, slot }, width) {
  const narrow = width < NARROW;
  const money = `${spec.symbol}%{x:,.2f}`;
  const common = { type: "bar", orientation: "h", y: spec.names };
  const colour = spec.slots.map(slot);
  const anyIdle = spec.idle.some((amount) => amount > 0);
  const traces = [
    { ...common, x: spec.used, name: spec.used_name, marker: { color: colour }, hovertemplate: `${spec.used_name} ${money}<extra></extra>` },
    { ...common, x: spec.idle, name: spec.idle_name, marker: { color: colour, pattern: { shape: "/", size: 6, solidity: 0.25, fillmode: "replace", fgcolor: colour, bgcolor: spec.slots.map(() => colours.paper) }, line: { width: 1, color: colour } }, hovertemplate: `${spec.idle_name} ${money}<extra></extra>` },
  ];
  const totals = spec.names.map((name, i) => ({
    text: spec.totals[i], x: spec.used[i] + spec.idle[i], y: name, xanchor: "left", xshift: 5, showarrow: false, font: { size: 12, color: colours.ink },
  }));
  return {
    traces: anyIdle ? traces : traces.slice(0, 1),
    height: 64 + 30 * spec.names.length,
    layout: {
      barmode: "stack",
      bargap: 0.38,
      hovermode: "closest",
      margin: { l: 8, r: narrow ? 60 : 84, t: anyIdle ? 30 : 8, b: 30 },
      showlegend: anyIdle,
      annotations: totals,
      xaxis: { tickprefix: spec.symbol, tickformat: "~s", rangemode: "tozero", showgrid: true, nticks: narrow ? 4 : 8 },
      yaxis: { autorange: "reversed", ticklabelstandoff: 6, tickfont: { size: 13, color: colours.ink } },
    },
  };
}

/** Stacked days under the bands of those that are incomplete. */
function days(spec, traces, { colours }, layout) {
  const gaps = dayGaps(spec);
  const sums = spec.days.map((_, i) => spec.categories.reduce((sum, { values }) => sum + (values[i] ?? 0), 0));
  const top = highest(sums) * 1.06 || 1;
  return {
    traces: gaps.length ? [...traces, gapTrace(gaps, top, colours)] : traces,
    layout: { barmode: "stack", bargap: 0.25, showlegend: traces.length + gaps.length > 1, ...layout, yaxis: { ...layout.yaxis, range: [0, top] } },
  };
}

function costByDay(spec, look, width) {
  const traces = spec.categories.map(({ name, values }, i) => ({
    type: "bar", name, x: spec.days, y: values, marker: { color: look.slot(i) }, hovertemplate: `${spec.symbol}%{y:,.2f}`,
  }));
  return days(spec, traces, look, {
    margin: { l: 56, r: 8, t: 34, b: 36 },
    xaxis: dayAxis(width),
    yaxis: { tickprefix: spec.symbol, tickformat: "~s" },
  });
}

const unattributed = (name) => name === "Unattributed";

/** Counts by day; what is unattributed is hatched, so that it is not one colour among others. */
function useByDay(spec, look, width) {
  const { colours, slot } = look;
  const traces = spec.categories.map(({ name, values }, i) => ({
    type: "bar", name, x: spec.days, y: values,
    marker: unattributed(name)
      ? { color: colours.paper, line: { width: 1, color: colours["ink-quiet"] }, pattern: { shape: "/", size: 6, solidity: 0.25, fillmode: "replace", fgcolor: colours["ink-quiet"], bgcolor: colours.paper } }
      : { color: slot(i) },
    hovertemplate: `%{y:,.0f} ${spec.unit}`,
  }));
  return days(spec, traces, look, {
    showlegend: true,
    margin: { l: 56, r: 8, t: width < NARROW ? 84 : 34, b: 36 },
    xaxis: dayAxis(width),
    yaxis: { tickformat: "~s", title: { text: spec.unit } },
  });
}

const KIND_LOOKS = (colours, slot) => ({
  adopted: { fillcolor: colours["chart-adopted"] },
  baseline: { fillcolor: colours["chart-promised"] },
  burst: { hatch: colours["chart-burst"] },
  hold: { hatch: slot(3) },
  reserve: { hatch: colours["ink-quiet"] },
});

function poolTimeline(spec, { colours, slot }, width) {
  const wall = wallClock(spec.zone);
  const narrow = width < NARROW;
  const x = [...spec.edges, spec.end].map(wall);
  const held = spec.held.map(({ name, values }) => ({ name, values: [...values, values.at(-1) ?? 0] }));
  const sum = x.map((_, i) => held.reduce((total, { values }) => total + values[i], 0));
  const limit = limitLine(spec.limit, spec.limit_name, highest(sum), colours["chart-limit"], "y", 8);
  const looks = KIND_LOOKS(colours, slot);
  const traces = held.map(({ name, values }, i) => {
    const { fillcolor = slot(i), hatch } = looks[name.toLowerCase()] ?? {};
    const fill = hatch ? { fillcolor: colours.paper, fillpattern: { ...HATCH, fgcolor: hatch, bgcolor: colours.paper, fillmode: "replace" } } : { fillcolor };
    return { x, y: values, name: name[0].toUpperCase() + name.slice(1), mode: "lines", stackgroup: "held", line: STEP, ...fill, hovertemplate: `%{y:,.0f} ${spec.unit}` };
  });
  const labels = [];
  if (spec.limit !== null && spec.limit !== undefined) {
    const free = [...spec.free, spec.free.at(-1) ?? 0];
    traces.push({ x, y: free, name: "Free", mode: "lines", line: { shape: "hv", width: 2, dash: "dot", color: slot(2) }, hovertemplate: `%{y:,.0f} ${spec.unit}` });
    labels.push({ text: `Free ${compact(free.at(-1))}`, value: free.at(-1), colour: colours.ok });
    if (limit.shapes.length) labels.push({ text: `${spec.limit_name} ${compact(spec.limit)}`, value: spec.limit, colour: colours["chart-limit"] });
  }
  labels.push({ text: `Held ${compact(sum.at(-1))}`, value: sum.at(-1), colour: colours["ink-quiet"] });
  const annotations = narrow ? [] : endLabels(labels, limit.top, HEIGHT - 74);
  if (limit.words) annotations.push(corner(limit.words, colours["ink-quiet"]));
  const shapes = [...limit.shapes];
  if (spec.now !== null && spec.now !== undefined) {
    shapes.push({ type: "line", x0: wall(spec.now), x1: wall(spec.now), yref: "paper", y0: 0, y1: 1, line: { color: colours["ink-quiet"], width: 1 } });
    annotations.push({ text: "now", x: wall(spec.now), y: 1, yref: "paper", yanchor: "top", xanchor: "left", xshift: 4, showarrow: false, font: { size: 12, color: colours["ink-quiet"] } });
  }
  return {
    traces,
    layout: {
      margin: { l: 56, r: narrow ? 8 : 128, t: 34, b: 40 },
      shapes,
      annotations,
      xaxis: timeAxis({ range: [x[0], x.at(-1)] }),
      yaxis: { range: [0, limit.top || 1], tickformat: "~s", title: { text: spec.unit } },
    },
  };
}

export const kinds = {
  capacity_use: capacityUse,
  bars_by_team: barsByTeam,
  cost_by_day: costByDay,
  use_by_day: useByDay,
  pool_timeline: poolTimeline,
  limit_history: limitHistory,
};
