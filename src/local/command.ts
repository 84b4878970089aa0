import { parseArgs } from "node:util";

/** Ends a command with a sentence for the person who ran it: what is wrong, and what to do about it. */
export class Stop extends Error {}

type Flags = Readonly<Record<string, boolean | undefined>>;

/**
 * Runs a command line. `--help` prints `help`; an unknown flag is named and nothing is run, and so is a word that is no
 * flag, unless the command takes `positionals`.
 * A `Stop` prints its message and exits with 1; any other error is a fault of ours and keeps its stack.
 */
export async function command(
  help: string,
  flags: readonly string[],
  run: (flags: Flags, words: readonly string[]) => Promise<void>,
  { positionals = false } = {},
): Promise<void> {
  try {
    const known = ["help", ...flags].map((flag) => [flag, { type: "boolean" as const }]);
    const { values, positionals: words } = parse(Object.fromEntries(known), positionals);
    if (values["help"] === true) {
      console.log(help.trim());
      return;
    }
    await run(values, words);
  } catch (cause) {
    if (!(cause instanceof Stop)) throw cause;
    console.error(`\n${cause.message}`);
    process.exitCode = 1;
  }
}

function parse(options: Record<string, { type: "boolean" }>, allowPositionals: boolean) {
  try {
    return parseArgs({ options, strict: true, allowPositionals });
  } catch (cause) {
    throw new Stop(`${(cause as Error).message}\nSee --help.`);
  }
}
