/**
 * The most bytes of rows that one statement carries. D1 takes strings, and rows, of up to 2,000,000 bytes; half of that
 * leaves room for a row that was begun, and for what goes along with it.
 */
export const ROWS_BYTES = 1_000_000;

const encoder = new TextEncoder();

/**
 * Rows as texts that `json_each` reads, each short enough for one statement: as few as it takes, none for no rows. The
 * one way in which rows whose number or size grows with what happens become parameters.
 */
export function rowTexts(rows: readonly unknown[]): readonly string[] {
  const texts: string[][] = [];
  let bytes = Number.POSITIVE_INFINITY;
  for (const row of rows) {
    const text = JSON.stringify(row);
    const more = encoder.encode(text).length + 1;
    if (bytes + more > ROWS_BYTES) {
      texts.push([]);
      bytes = 1;
    }
    texts.at(-1)!.push(text);
    bytes += more;
  }
  return texts.map((each) => `[${each.join(",")}]`);
}
