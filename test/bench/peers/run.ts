import { parseArgs } from "node:util";
import { conditionsOf } from "../conditions.ts";
import { LoadGenerator } from "../load.ts";
import { progress } from "../progress.ts";
import { startRekey } from "../rekey.ts";
import { measure, type Pace } from "../rounds.ts";
import { writeSection } from "../section.ts";
import { bundle } from "../workerd.ts";
import { ADMITTED, rekeyOf, type Contender, type Entry } from "./contender.ts";
import { installedVersion, installPeers } from "./install.ts";
import { versionOf } from "./program.ts";
import { markdown, plots, terminal, type Pair, type Trials } from "./report.ts";
import { startPeers } from "./roster.ts";
import { postgresServer, redisServer } from "./stores.ts";
import { tryQuota, tryRevoke, type QuotaTrial, type RevokeTrial } from "./trial.ts";

/**
 * The questions this bench answers: what would people use instead, how fast is that on the same machine, and is it
 * right? A peer whose store is not installed is left out, loudly.
 */
const HELP = `
npm run bench:peers -- [--quick] [--seconds <n>] [--only <id>]...

  Measures Rekey against Redis, PostgreSQL, better-auth and a Worker with KV and D1, and writes its section of
  docs/performance.md with its plots. Takes under 15 minutes. Needs redis-server and postgresql (Debian packages),
  which it starts by itself on ports of their own; what is missing is left out.

  --quick         one short round and one trial: tries everything, and writes nothing
  --seconds <n>   measured seconds for each row in each round (1.5)
  --only <id>     only this peer; may be given several times; nothing is written. ids: redis-always redis-everysec
                  postgres-locked postgres-guarded better-auth-postgres better-auth-redis
                  better-auth-redis-and-database kv-d1-0 kv-d1-60
  --help          this text
`;

const PACE = { connections: 64, warmUpSeconds: 0.5 };
const ENDLESS = 1e9;

type Options = {
  readonly rounds: number;
  readonly trials: number;
  readonly seconds: number;
  readonly only: ReadonlySet<string>;
  readonly writes: boolean;
};

async function run({ rounds, trials, seconds, only, writes }: Options): Promise<void> {
  const stops: (() => Promise<void> | void)[] = [];
  try {
    progress("installing the peers");
    installPeers();
    progress("bundling");
    const [rekeyBundle, workerBundle] = [
      await bundle("wrangler.toml"),
      await bundle("test/bench/peers/workers/kv-d1.toml"),
    ];
    const running = await startRekey("rekey", rekeyBundle);
    stops.push(running.stop);
    const rekey = rekeyOf({ id: "rekey", name: "Rekey", server: running, target: null, without: "" });
    const answerBytes = await bytesOf(rekey);
    const { peers: all, missing } = await startPeers(workerBundle, answerBytes, stops, progress);
    const peers = all.filter(({ id }) => only.size === 0 || only.has(id));
    for (const line of missing) progress(`!!! LEFT OUT: ${line} !!!`);

    const pairs: Pair[] = [];
    const pace: Pace = { ...PACE, rounds, seconds };
    const generator = new LoadGenerator();
    stops.push(() => generator.stop());
    const entries: { readonly peer: Entry; readonly rekey: Entry }[] = [];
    for (const peer of peers) entries.push({ peer: await entryOf(peer), rekey: await entryOf(rekey) });
    const series = await measure(
      entries.flatMap((entry) => [entry.rekey, entry.peer]),
      generator,
      pace,
      progress,
    );
    for (const [index] of entries.entries()) pairs.push({ rekey: series[2 * index]!, peer: series[2 * index + 1]! });

    const tried = await tryAll([rekey, ...peers], trials);
    const programs = [
      ...["fastify", "ioredis", "pg", "better-auth", "@better-auth/api-key"].map(
        (name) => `${name} ${installedVersion(name)}`,
      ),
      ...[redisServer(), postgresServer()].flatMap((path) => (path === null ? [] : [versionOf(path)])),
    ];
    const findings = { pairs, trials: tried, missing, conditions: conditionsOf(pace, 1), programs };
    console.log(`\n${terminal(findings)}`);
    if (writes) {
      await writeSection("peers", markdown(findings), plots(findings));
      progress("wrote docs/performance.md");
    }
  } finally {
    for (const stop of stops.toReversed()) await stop();
  }
}

/**
 * The trials, one contender after the other; a watch over a key that is still admitted goes on beside the next ones. So
 * the last contender is first: its watches are the longest.
 */
async function tryAll(contenders: readonly Contender[], count: number): Promise<readonly Trials[]> {
  const trials: Promise<Trials>[] = [];
  for (const contender of contenders.toReversed()) {
    const quota: QuotaTrial[] = [];
    const watches: Promise<RevokeTrial>[] = [];
    for (let trial = 1; trial <= count; trial++) {
      quota.push(await tryQuota(contender));
      watches.push((await tryRevoke(contender)).watched);
      progress(`trial ${trial}/${count}  ${contender.name}: ${quota.at(-1)!.admitted} admitted of 500`);
    }
    trials.push(Promise.all(watches).then((revoke) => ({ contender, quota, revoke })));
  }
  progress("watching revoked keys that are still admitted");
  return (await Promise.all(trials)).toReversed();
}

async function entryOf(contender: Contender): Promise<Entry> {
  const { key } = await contender.create(ENDLESS);
  const { name, server, request } = contender;
  return { contender, name, server, requests: [request(key)], expected: ADMITTED };
}

/** How long Rekey's answer to a verify is. */
async function bytesOf({ create, request, server }: Contender): Promise<number> {
  const [head, body] = request((await create(ENDLESS)).key).split("\r\n\r\n") as [string, string];
  const authorization = /Authorization: (.*)/.exec(head)![1]!.trim();
  const path = head.split(" ")[1]!;
  const response = await fetch(`http://127.0.0.1:${server.port}${path}`, {
    method: "POST",
    headers: { authorization, "content-type": "application/json" },
    body,
  });
  return (await response.text()).length;
}

function optionsOf(args: readonly string[]): Options | "help" {
  const { values } = parseArgs({
    args: [...args],
    options: {
      quick: { type: "boolean", default: false },
      seconds: { type: "string" },
      only: { type: "string", multiple: true, default: [] },
      help: { type: "boolean", default: false },
    },
  });
  if (values.help) return "help";
  const { quick } = values;
  const seconds = Number(values.seconds ?? (quick ? 0.5 : 1.5));
  if (!(seconds > 0)) throw new Error("--seconds takes a number above 0");
  const only = new Set(values.only);
  return { rounds: quick ? 1 : 6, trials: quick ? 1 : 5, seconds, only, writes: !quick && only.size === 0 };
}

// What has been started is ended on the way out.
for (const signal of ["SIGINT", "SIGTERM"]) process.once(signal, () => process.exit(1));

try {
  const options = optionsOf(process.argv.slice(2));
  if (options === "help") console.log(HELP.trim());
  else await run(options);
} catch (cause) {
  console.error(cause instanceof Error ? cause.message : cause);
  process.exit(1);
}
