// Charts of capacity over time, by steps: how a limit moved, and who holds what of a pool.
import { compact, endLabels, timeAxis, wallClock } from "./chart_look.js";

const NARROW = 560;
const SHORT = 200;

export function limitHistory(spec, { colours }, width) {
  const wall = wallClock(spec.zone);
  const narrow = width < NARROW;
  const x = [...spec.edges, spec.end].map(wall);
  const held = (values) => [...values, values.at(-1)];
  const top = Math.max(...spec.limit, ...spec.allocated, 1) * 1.12;
  const line = (name, values, look) => ({
    x, y: held(values), name, mode: "lines", line: { shape: "hv", ...look }, hovertemplate: `%{y:,.0f} ${spec.unit}`,
  });
  const labels = [
    { text: `Limit ${compact(spec.limit.at(-1))}`, value: spec.limit.at(-1), colour: colours["chart-limit"] },
    { text: `Allocated ${compact(spec.allocated.at(-1))}`, value: spec.allocated.at(-1), colour: colours["chart-used"] },
  ];
  return {
    traces: [
      line("Limit", spec.limit, { width: 1.5, dash: "dash", color: colours["chart-limit"] }),
      line("Allocated", spec.allocated, { width: 1.6, color: colours["chart-used"] }),
    ],
    layout: {
      margin: { l: 48, r: narrow ? 8 : 110, t: narrow ? 30 : 8, b: 36 },
      showlegend: narrow,
      annotations: narrow ? [] : endLabels(labels, top, SHORT - 44),
      xaxis: timeAxis({ range: [x[0], x.at(-1)], nticks: 4 }),
      yaxis: { range: [0, top], tickformat: "~s", nticks: 4 },
    },
  };
}
