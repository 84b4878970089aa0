/**
 * What docs/proof.md lists as violations that nobody has explained. A run writes them as `- C3: …`; whoever publishes the
 * page writes below each one, by hand, what it was, with a document that goes into it:
 *
 *     - C3: key_x: the ledger has 0 events
 *       Explained: late, not lost, see [0013](postmortems/0013-late-is-not-lost.md).
 *
 * Another run writes the page anew, and whatever it found has to be explained again.
 */
export function unexplained(page: string): readonly string[] {
  const lines = page.split("\n");
  const listed = lines.flatMap((line, at) => {
    const violation = /^- (C\d+): /.exec(line);
    return violation === null ? [] : [{ campaign: violation[1]!, text: line.slice(2), below: lines[at + 1] ?? "" }];
  });
  const miscounted = lines.flatMap((line) => {
    const cells = /^\| (C\d+) \|/.test(line) ? line.split("|").map((cell) => cell.trim()) : [];
    const [campaign, counted] = [cells[1], Number((cells.at(-3) ?? "0").replaceAll(",", ""))];
    const inList = listed.filter((each) => each.campaign === campaign).length;
    return counted <= inList ? [] : [`${campaign}: counts ${counted} violations and lists ${inList}`];
  });
  const open = listed.filter(({ below }) => !/^ {2}Explained: \S.*\]\(postmortems\/\d{4}-[\w-]+\.md\)/.test(below));
  return [...miscounted, ...open.map(({ text }) => text)];
}
