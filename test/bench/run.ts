import { parseArgs } from "node:util";
import { conditionsOf } from "./conditions.ts";
import { count, settled } from "./counts.ts";
import { adminToken, createKeys, forgeKeys, issueKeys, retiredKey } from "./keys.ts";
import { LoadGenerator } from "./load.ts";
import { progress } from "./progress.ts";
import { startRekey } from "./rekey.ts";
import { markdown, terminal } from "./report.ts";
import { measure, type Pace } from "./rounds.ts";
import { ROW_IDS, rowsOf, select, UNSIGNED, type Cast, type Row, type RowId } from "./rows.ts";
import { writeSection } from "./section.ts";
import { measureStartUp } from "./startup.ts";
import { measureStreams } from "./streams.ts";
import { bundle, start, startOrigin, type Artefact, type Contestant, type Running } from "./workerd.ts";

/** What `--only` calls the streams: they are counted in bytes and milliseconds, and are no row. */
const STREAMS = "streams";

/**
 * The question this bench answers: what does Rekey cost on top of what Hono, one RPC and one written row cost anyway?
 *
 * It tells ratios, because requests per second belong to a machine. It checks every answer, and it never decides
 * whether a change may land: a missed target is printed, not thrown.
 */
const HELP = `
npm run bench -- [--only <id>]... [--seconds <n>]

  Measures Rekey against its floors on raw workerd and writes its section of docs/performance.md. Takes under 10 minutes.

  --only <id>     only this row and the floor it stands on; may be given several times; nothing is written.
                  ids: ${[...ROW_IDS, STREAMS].join(" ")}
  --seconds <n>   measured seconds for each row in each round (1.2); fewer are quicker and noisier
  --help          this text
`;

const KEYS = 1_000;
/** How many keys are rotated in turn. */
const ROTATING_KEYS = 200;
/** Enough for counting: the sums are the same for every key. */
const COUNTED_KEYS = 200;
const OF_MANY_KEYS: readonly RowId[] = ["update", "many", "reserve", "rotate", "create"];
const PACE: Omit<Pace, "seconds"> = { rounds: 6, connections: 64, warmUpSeconds: 0.4 };

type Options = { readonly only: ReadonlySet<string>; readonly seconds: number };

async function run({ only, seconds }: Options): Promise<void> {
  const all = only.size === 0;
  const stops: (() => Promise<void> | void)[] = [];
  try {
    const generator = new LoadGenerator();
    stops.push(() => generator.stop());

    progress("bundling");
    const [floorBundle, rekeyBundle, countedBundle, askerBundle] = await Promise.all([
      bundle("test/bench/workers/floor.toml"),
      bundle("wrangler.toml"),
      bundle("wrangler.toml", "test/bench/workers/counted.ts"),
      bundle("wrangler.toml", "test/bench/workers/asker.ts"),
    ]);
    const startFloor = async (name: string, env: Contestant["env"] = {}): Promise<Running> => {
      const floor = await start({ name, artefact: floorBundle, env });
      stops.push(floor.stop);
      return floor;
    };
    const running = async (name: string, artefact: Artefact, env: Contestant["env"] = {}): Promise<Running> => {
      const rekey = await startRekey(name, artefact, { ROUTES, ...env });
      stops.push(rekey.stop);
      return rekey;
    };

    const streams =
      all || only.has(STREAMS)
        ? await measureStreams(await startFloor("floor-streams"), await running("streams", rekeyBundle), progress)
        : null;

    const floor = await startFloor("floor");
    const origin = await startOrigin();
    stops.push(origin.stop);
    const far = {
      floor: await startFloor("floor-far", { ORIGIN: origin.binding }),
      rekey: await running("rekey-far", rekeyBundle, { ORIGIN: origin.binding }),
    };

    const keys = all || OF_MANY_KEYS.some((id) => only.has(id)) ? KEYS : 1;
    progress(`creating ${2 * keys + 5} keys`);
    const asker = await running("asker", askerBundle, {
      REKEY: { type: "worker", worker: "asker", exportName: "RekeyService" },
    });
    const servers = { floor, rekey: await running("rekey", rekeyBundle), far, asker };
    const rows = select(rowsOf(await castOf(servers, keys)), only);
    const series = await measure(rows, generator, { ...PACE, seconds }, progress);

    progress("counting");
    const counting = await running("counted", countedBundle);
    const countedCast = { floor, rekey: counting, far: { floor, rekey: counting }, asker: counting };
    const counted = rowsOf(await castOf(countedCast, Math.min(keys, COUNTED_KEYS)));
    await settled();
    const counts = [];
    for (const row of select(counted, only).filter(isCounted)) {
      counts.push(await count(row, generator, PACE.connections));
    }

    progress("starting up");
    const startUp = all ? await measureStartUp(rekeyBundle, 10) : null;

    const findings = { series, counts, streams, startUp, conditions: conditionsOf({ ...PACE, seconds }, KEYS) };
    console.log(`\n${terminal(findings)}`);
    if (all) {
      await writeSection("bench", markdown(findings));
      progress("wrote docs/performance.md");
    }
  } finally {
    for (const stop of stops.toReversed()) await stop();
  }
}

/** The shipped rule, and a path where no assertion is asked for. */
const ROUTES = {
  type: "text",
  value: JSON.stringify([{ path: UNSIGNED }, { path: "/*", assertion: true }]),
} as const;

const isCounted = ({ above, isCountedElsewhere }: Row): boolean => above !== null && !isCountedElsewhere;

async function castOf(servers: Pick<Cast, "floor" | "rekey" | "far" | "asker">, keys: number): Promise<Cast> {
  const { rekey, far, asker } = servers;
  const [hotKey, ...ofMany] = await createKeys(rekey.port, 2 * keys + 1);
  const [noPolicyKey] = await createKeys(rekey.port, 1, "none");
  const [farKey] = await createKeys(far.rekey.port, 1);
  const [askedKey] = await createKeys(asker.port, 1);
  const [limitsKey] = await createKeys(rekey.port, 1, "limits");
  const rotating = await issueKeys(rekey.port, Math.min(keys, ROTATING_KEYS));
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
    ...servers,
    hotKey: hotKey!,
    farKey: farKey!,
    noPolicyKey: noPolicyKey!,
    limitsKey: limitsKey!,
    spentKey: spentKey!,
    askedKey: askedKey!,
    retiredKey: await retiredKey(rekey.port),
    rotatingIds: rotating.map(({ id }) => id),
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
  const unknown = values.only.filter((id) => id !== STREAMS && !ROW_IDS.some((known) => known === id));
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
