import { parseArgs } from "node:util";
import { conditionsOf } from "./conditions.ts";
import { count, settled } from "./counts.ts";
import { adminToken, createKeys, forgeKeys } from "./keys.ts";
import { LoadGenerator } from "./load.ts";
import { progress } from "./progress.ts";
import { startRekey } from "./rekey.ts";
import { markdown, terminal } from "./report.ts";
import { measure, type Pace } from "./rounds.ts";
import { ROW_IDS, rowsOf, select, type Cast, type Row, type RowId } from "./rows.ts";
import { writeSection } from "./section.ts";
import { measureStartUp } from "./startup.ts";
import { bundle, start, type Artefact, type Running } from "./workerd.ts";

/**
 * The question this bench answers: what does Rekey cost on top of what Hono, one RPC and one written row cost anyway?
 *
 * It tells ratios, because requests per second belong to a machine. It checks every answer, and it never decides
 * whether a change may land: a missed target is printed, not thrown.
 */
const HELP = `
npm run bench -- [--only <id>]... [--seconds <n>]

  Measures Rekey against its floors on raw workerd and writes its section of docs/performance.md. Takes under 8 minutes.

  --only <id>     only this row and the floor it stands on; may be given several times; nothing is written.
                  ids: ${ROW_IDS.join(" ")}
  --seconds <n>   measured seconds for each row in each round (1.2); fewer are quicker and noisier
  --help          this text
`;

const KEYS = 1_000;
/** Enough for counting: the sums are the same for every key. */
const COUNTED_KEYS = 200;
const OF_MANY_KEYS: readonly RowId[] = ["update", "many", "reserve"];
const PACE: Omit<Pace, "seconds"> = { rounds: 6, connections: 64, warmUpSeconds: 0.4 };

type Options = { readonly only: ReadonlySet<string>; readonly seconds: number };

async function run({ only, seconds }: Options): Promise<void> {
  const stops: (() => Promise<void> | void)[] = [];
  try {
    const generator = new LoadGenerator();
    stops.push(() => generator.stop());

    progress("bundling");
    const [floorBundle, rekeyBundle, countedBundle] = await Promise.all([
      bundle("test/bench/workers/floor.toml"),
      bundle("wrangler.toml"),
      bundle("wrangler.toml", "test/bench/workers/counted.ts"),
    ]);
    const running = async (name: string, artefact: Artefact): Promise<Running> => {
      const rekey = await startRekey(name, artefact);
      stops.push(rekey.stop);
      return rekey;
    };
    const floor = await start({ name: "floor", artefact: floorBundle });
    stops.push(floor.stop);

    const keys = only.size === 0 || OF_MANY_KEYS.some((id) => only.has(id)) ? KEYS : 1;
    progress(`creating ${2 * keys + 4} keys`);
    const rows = select(rowsOf(await castOf(floor, await running("rekey", rekeyBundle), keys)), only);
    const series = await measure(rows, generator, { ...PACE, seconds }, progress);

    progress("counting");
    const counted = rowsOf(await castOf(floor, await running("counted", countedBundle), Math.min(keys, COUNTED_KEYS)));
    await settled();
    const counts = [];
    for (const row of select(counted, only).filter(isOfRekey)) {
      counts.push(await count(row, generator, PACE.connections));
    }

    progress("starting up");
    const startUp = only.size === 0 ? await measureStartUp(rekeyBundle, 10) : null;

    const findings = { series, counts, startUp, conditions: conditionsOf({ ...PACE, seconds }, KEYS) };
    console.log(`\n${terminal(findings)}`);
    if (only.size === 0) {
      await writeSection("bench", markdown(findings));
      progress("wrote docs/performance.md");
    }
  } finally {
    for (const stop of stops.toReversed()) await stop();
  }
}

const isOfRekey = ({ above }: Row): boolean => above !== null;

async function castOf(floor: Running, rekey: Running, keys: number): Promise<Cast> {
  const [hotKey, ...ofMany] = await createKeys(rekey.port, 2 * keys + 1);
  const [noPolicyKey] = await createKeys(rekey.port, 1, "none");
  const [limitsKey] = await createKeys(rekey.port, 1, "limits");
  const [spentKey] = await createKeys(rekey.port, 1, "spent");
  const forgedKeys = forgeKeys(KEYS);
  const ask = (key: string) =>
    fetch(`http://127.0.0.1:${rekey.port}/_rekey/v1/verify`, {
      method: "POST",
      headers: { authorization: `Bearer ${adminToken}`, "content-type": "application/json" },
      body: JSON.stringify({ key }),
    });
  const verify = await ask(hotKey!);
  await (await ask(spentKey!)).text();
  const refusal = await fetch(`http://127.0.0.1:${rekey.port}/orders`, {
    headers: { authorization: `Bearer ${forgedKeys[0]!}` },
  });
  const bytes = { verify: (await verify.text()).length, refusal: (await refusal.text()).length };
  return {
    floor,
    rekey,
    hotKey: hotKey!,
    noPolicyKey: noPolicyKey!,
    limitsKey: limitsKey!,
    spentKey: spentKey!,
    manyKeys: ofMany.slice(0, keys),
    reservingKeys: ofMany.slice(keys),
    forgedKeys,
    bytes,
  };
}

function optionsOf(args: readonly string[]): Options | "help" {
  const { values } = parseArgs({
    args: [...args],
    options: {
      only: { type: "string", multiple: true, default: [] },
      seconds: { type: "string", default: "1.2" },
      help: { type: "boolean", default: false },
    },
  });
  if (values.help) return "help";
  const seconds = Number(values.seconds);
  if (!(seconds > 0)) throw new Error("--seconds takes a number above 0");
  const unknown = values.only.filter((id) => !ROW_IDS.some((known) => known === id));
  if (unknown.length > 0) throw new Error(`--only knows no row ${unknown.join(", ")}: see --help`);
  return { only: new Set(values.only), seconds };
}

try {
  const options = optionsOf(process.argv.slice(2));
  if (options === "help") console.log(HELP.trim());
  else await run(options);
} catch (cause) {
  console.error(cause instanceof Error ? cause.message : cause);
  process.exitCode = 1;
}
