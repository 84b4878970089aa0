/** The middle value; the mean of the two middle ones if there is an even number of them. Needs at least one. */
export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2;
}

/** The smallest value that at least the share `q` of them does not exceed (nearest rank). Needs at least one. */
export function quantile(values: readonly number[], q: number): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.max(0, Math.ceil(q * sorted.length) - 1)]!;
}

/** How one row compares with another over the same rounds. */
export type Ratio = {
  /** The ratio of the medians. */
  readonly value: number;
  /** The smallest and the largest ratio within one round. */
  readonly least: number;
  readonly most: number;
};

/** The ratio of two rows; `row[i]` and `floor[i]` were measured right after one another, in round `i`. */
export function ratioOf(row: readonly number[], floor: readonly number[]): Ratio {
  const perRound = row.map((value, round) => value / floor[round]!);
  return { value: median(row) / median(floor), least: Math.min(...perRound), most: Math.max(...perRound) };
}
