/** What one row is written as. */
export type Line = readonly string[];

/** A table as Markdown: the first line is its head, the first column is text and the others are right-aligned. */
export function piped([head, ...lines]: readonly Line[]): string {
  const rule = head!.map((_, column) => (column === 0 ? "---" : "--:"));
  return [head!, rule, ...lines].map((line) => `| ${line.join(" | ")} |`).join("\n");
}

/** A table for a terminal: columns as wide as their widest cell. */
export function aligned(lines: readonly Line[]): string {
  const widths = lines[0]!.map((_, column) => Math.max(...lines.map((line) => line[column]!.length)));
  return lines
    .map((line) =>
      line
        .map((cell, column) => cell.padEnd(widths[column]!))
        .join("  ")
        .trimEnd(),
    )
    .join("\n");
}

export const whole = (value: number): string => Math.round(value).toLocaleString("en-US");

/** The smallest and the largest value. */
export const range = (values: readonly number[]): string =>
  `${whole(Math.min(...values))}–${whole(Math.max(...values))}`;
