/**
 * Plots as SVG, as small as they can be: drawn by hand, no scripts, readable on a light and on a dark page.
 */

/** One bar, and from where to where the values lie that it stands for. */
export type Bar = { readonly label: string; readonly value: number; readonly least: number; readonly most: number };

/** One line of a diagram: its points in the order of `x`. */
export type Trace = { readonly name: string; readonly points: readonly (readonly [x: number, y: number])[] };

const WIDTH = 820;
const LABELS = 340;
const ROW = 26;
const STYLE = `<style>
text { font: 13px system-ui, sans-serif; fill: #24292f } .title { font-weight: 600 }
.bar, .dot { fill: #0969da } .bar.first, .dot.second { fill: #1a7f37 } .dot.third { fill: #9a6700 }
.trace { fill: none; stroke: #0969da; stroke-width: 2 } .trace.second { stroke: #1a7f37 } .trace.third { stroke: #9a6700 }
.line { stroke: #57606a; stroke-width: 1.5 } .axis { stroke: #d0d7de }
@media (prefers-color-scheme: dark) {
  text { fill: #e6edf3 } .line { stroke: #9198a1 } .axis { stroke: #3d444d }
  .bar, .dot { fill: #4493f8 } .bar.first, .dot.second { fill: #3fb950 } .dot.third { fill: #d29922 }
  .trace { stroke: #4493f8 } .trace.second { stroke: #3fb950 } .trace.third { stroke: #d29922 }
}
</style>`;

/** One bar below the other, with its value and its spread; `unit` stands behind each value. The first one is ours. */
export function barPlot(title: string, unit: string, bars: readonly Bar[]): string {
  const most = Math.max(...bars.map((bar) => bar.most), Number.MIN_VALUE);
  const room = WIDTH - LABELS - 130;
  const at = (value: number): string => (LABELS + (value / most) * room).toFixed(1);
  const rows = bars.map(({ label, value, least, most: highest }, index) => {
    const top = 40 + index * ROW;
    const middle = top + 8;
    const spread =
      least === highest
        ? ""
        : `<path class="line" d="M${at(least)} ${middle}H${at(highest)}M${at(least)} ${top + 4}v8M${at(highest)} ${top + 4}v8"/>`;
    return `<text x="${LABELS - 10}" y="${top + 13}" text-anchor="end">${escaped(label)}</text>
<rect class="bar${index === 0 ? " first" : ""}" x="${LABELS}" y="${top}" width="${((value / most) * room).toFixed(1)}" height="16"/>
${spread}<text x="${(Number(at(Math.max(value, highest))) + 8).toFixed(1)}" y="${top + 13}">${number(value)} ${escaped(unit)}</text>`;
  });
  return drawing(title, 52 + bars.length * ROW, rows);
}

/** Lines over a logarithmic x (0 stands one step before the smallest), y from 0. At most three traces can be told apart. */
export function linePlot(title: string, x: string, y: string, traces: readonly Trace[]): string {
  const height = 320;
  const [left, right, top, bottom] = [70, WIDTH - 170, 40, height - 50];
  const xs = [...new Set(traces.flatMap(({ points }) => points.map(([value]) => value)))].toSorted((a, b) => a - b);
  const most = Math.max(...traces.flatMap(({ points }) => points.map(([, value]) => value)), Number.MIN_VALUE) * 1.1;
  const atX = (value: number): number =>
    left + (xs.length < 2 ? 0 : xs.indexOf(value) / (xs.length - 1)) * (right - left);
  const atY = (value: number): number => bottom - (value / most) * (bottom - top);
  const place = ([px, py]: readonly [number, number]): string => `${atX(px).toFixed(1)} ${atY(py).toFixed(1)}`;
  const axis = [
    `<path class="axis" fill="none" d="M${left} ${top}V${bottom}H${right}"/>`,
    ...xs.map(
      (value) => `<text x="${atX(value).toFixed(1)}" y="${bottom + 18}" text-anchor="middle">${number(value)}</text>`,
    ),
    ...[0, most / 2.2, most / 1.1].map(
      (value) => `<text x="${left - 8}" y="${(atY(value) + 4).toFixed(1)}" text-anchor="end">${number(value)}</text>`,
    ),
    `<text x="${(left + right) / 2}" y="${height - 12}" text-anchor="middle">${escaped(x)}</text>`,
    `<text x="${left - 50}" y="${top - 8}">${escaped(y)}</text>`,
  ];
  const drawn = traces.map(({ name, points }, index) => {
    const rank = ["first", "second", "third"][index] ?? "third";
    const dots = points.map((point) => {
      const [cx, cy] = place(point).split(" ");
      return `<circle class="dot ${rank}" cx="${cx}" cy="${cy}" r="3.5"/>`;
    });
    const last = points.at(-1)!;
    return `<path class="trace ${rank}" d="M${points.map(place).join("L")}"/>${dots.join("")}
<text x="${right + 10}" y="${(atY(last[1]) + 4).toFixed(1)}">${escaped(name)}</text>`;
  });
  return drawing(title, height, [...axis, ...drawn]);
}

const drawing = (title: string, height: number, parts: readonly string[]): string =>
  `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${height}" role="img" aria-label="${escaped(title)}">
${STYLE}
<text class="title" x="10" y="20">${escaped(title)}</text>
${parts.join("\n")}
</svg>
`;

/** Three digits are enough to see. */
const number = (value: number): string =>
  value >= 100 ? Math.round(value).toLocaleString("en-US") : String(Number(value.toPrecision(2)));

const ENTITIES: Readonly<Record<string, string>> = { "&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;" };

const escaped = (text: string): string => text.replace(/[&<>"]/g, (character) => ENTITIES[character]!);
