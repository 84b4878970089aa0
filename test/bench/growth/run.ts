import { parseArgs } from "node:util";
import { conditionsOf } from "../conditions.ts";
import { LoadGenerator } from "../load.ts";
import { progress } from "../progress.ts";
import { startRekey } from "../rekey.ts";
import { writeSection } from "../section.ts";
import { measureStartUp } from "../startup.ts";
import { bundle } from "../workerd.ts";
import { dimensionsOf } from "./dimensions.ts";
import { measureListing } from "./listing.ts";
import { measureGrowth } from "./measure.ts";
import { markdown, plots, terminal } from "./report.ts";

/** The question this bench answers: what becomes slower or dearer when there is more of something, and what does not? */
const HELP = `
npm run bench:growth -- [--quick] [--seconds <n>]

  Measures a verify against the number of keys, retired secrets, events, limits and reservations, the ledger's lists
  with a million keys, and what a start costs; writes its section of docs/performance.md. Takes under 12 minutes.

  --quick         little of everything and one round: tries everything, and writes nothing
  --seconds <n>   measured seconds for each size in each round (1.2)
  --help          this text
`;

const PACE = { connections: 64, warmUpSeconds: 0.4 };

async function run(quick: boolean, seconds: number): Promise<void> {
  const stops: (() => Promise<void> | void)[] = [];
  try {
    const keysListed = quick ? 20_000 : 1_000_000;
    progress(`listing ${keysListed} keys`);
    const listed = await measureListing(keysListed);

    progress("bundling");
    const artefact = await bundle("wrangler.toml");
    const startUp = await measureStartUp(artefact, quick ? 2 : 10);
    const server = await startRekey("growth", artefact, {}, true);
    stops.push(server.stop);
    const generator = new LoadGenerator();
    stops.push(() => generator.stop());
    const pace = { ...PACE, seconds, rounds: quick ? 1 : 4 };
    const dimensions = await measureGrowth(await dimensionsOf(server, quick, progress), generator, pace, progress);

    const findings = { dimensions, listed, keysListed, startUp, conditions: conditionsOf(pace, 1) };
    console.log(`\n${terminal(findings)}`);
    if (!quick) {
      await writeSection("growth", markdown(findings), plots(findings));
      progress("wrote docs/performance.md");
    }
  } finally {
    for (const stop of stops.toReversed()) await stop();
  }
}

try {
  const { values } = parseArgs({
    options: {
      quick: { type: "boolean", default: false },
      seconds: { type: "string" },
      help: { type: "boolean", default: false },
    },
  });
  const seconds = Number(values.seconds ?? (values.quick ? 0.4 : 1.2));
  if (!(seconds > 0)) throw new Error("--seconds takes a number above 0");
  if (values.help) console.log(HELP.trim());
  else await run(values.quick, seconds);
} catch (cause) {
  console.error(cause instanceof Error ? cause.message : cause);
  process.exitCode = 1;
}
