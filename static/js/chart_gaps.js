// What has not arrived, drawn in one way on every chart: a hatched band from the axis to the top, named in the legend.
// The server says where (portal/kernel/gaps.py); days are drawn as the slots of their bars.
const HALF_DAY = 43_200_000;

/** [from, until] in wall time of each stretch of a time axis. */
export const timeGaps = (spec, wall) => (spec.gaps ?? []).map(([from, until]) => [wall(from), wall(until)]);

/** [from, until] of each incomplete day, half a day on both sides of where its bar stands. */
export const dayGaps = (spec) =>
  (spec.gaps ?? []).map((day) => {
    const middle = Date.parse(`${day}T00:00Z`);
    return [middle - HALF_DAY, middle + HALF_DAY].map((ms) => new Date(ms).toISOString().slice(0, 19));
  });

/** One trace for all of them. The thin line keeps a minute of a month from vanishing. */
export function gapTrace(gaps, top, colours) {
  const stripes = { shape: "/", size: 7, solidity: 0.22, fgcolor: colours["ink-quiet"], bgcolor: "rgba(0,0,0,0)", fillmode: "replace" };
  return {
    x: gaps.flatMap(([from, until]) => [from, from, until, until, from, null]),
    y: gaps.flatMap(() => [0, top, top, 0, 0, null]),
    name: "Not all received", mode: "lines", line: { width: 0.5, color: colours["ink-quiet"] },
    fill: "toself", fillcolor: colours["chart-baseline"], fillpattern: stripes, hoverinfo: "skip", showlegend: true,
  };
}
