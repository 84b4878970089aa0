import { parseArgs } from "node:util";

/** Ends a command with a sentence for the person who ran it: what is wrong, and what to do about it. */
export class Stop extends Error {
  readonly exitCode: number;

  constructor(message: string, exitCode = 1) {
    super(message);
    this.exitCode = exitCode;
  }
}

type Flags = Readonly<Record<string, boolean | undefined>>;
type Texts = Readonly<Record<string, string | undefined>>;

/**
 * Runs a command line. `--help` prints `help`; an unknown flag is named and nothing is run, and so is a word that is no
 * flag, unless the command takes `positionals`; it exits with 2. `texts` are flags that are followed by a value.
 * A `Stop` prints its message and exits with its code; any other error is a fault of ours and keeps its stack.
 */
export async function command(
  help: string,
  flags: readonly string[],
  run: (flags: Flags, words: readonly string[], texts: Texts) => Promise<void>,
  { positionals = false, texts = [] }: { readonly positionals?: boolean; readonly texts?: readonly string[] } = {},
): Promise<void> {
  try {
    const switches = ["help", ...flags].map((flag) => [flag, { type: "boolean" }] as const);
    const valued = texts.map((flag) => [flag, { type: "string" }] as const);
    const { values, positionals: words } = parse(Object.fromEntries([...switches, ...valued]), positionals);
    const isText = ([name]: readonly [string, unknown]) => texts.includes(name);
    const given = Object.entries(values);
    if (values["help"] === true) {
      console.log(help.trim());
      return;
    }
    await run(
      Object.fromEntries(given.filter((each) => !isText(each))) as Flags,
      words,
      Object.fromEntries(given.filter(isText)) as Texts,
    );
  } catch (cause) {
    if (!(cause instanceof Stop)) throw cause;
    console.error(`\n${cause.message}`);
    process.exitCode = cause.exitCode;
  }
}

function parse(options: Record<string, { type: "boolean" | "string" }>, allowPositionals: boolean) {
  try {
    return parseArgs({ options, strict: true, allowPositionals });
  } catch (cause) {
    throw new Stop(`${(cause as Error).message}\nSee --help.`, 2);
  }
}
