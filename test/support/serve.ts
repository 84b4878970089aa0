/**
 * One process with the real Worker in it: a bundle that build.ts made, in workerd, each edge on a socket of its own.
 * rekey.ts starts it with `fork`, talks to it over the channel that makes, and kills it.
 */
import { readFile } from "node:fs/promises";
import { stripTypeScriptTypes } from "node:module";
import { basename, dirname, join } from "node:path";
import { convertV4MiniflareOptions, Log, LogLevel, Miniflare, Response } from "miniflare";
import type { Artefact, Blueprint } from "./build.ts";
import type { LedgerFault } from "./faulty-d1.ts";
import type { Losable } from "./worker-under-test.ts";

/** What one process runs. */
export type Plan = {
  /** Directory that build.ts filled. */
  readonly artefacts: string;
  readonly artefact: Artefact;
  /** Directory of the objects and the ledger. Two processes may share it if one of them has the objects. */
  readonly storage: string;
  /** Directory in which processes find each other. */
  readonly registry: string;
  /** True: this process has the objects, its first edge being the Worker itself. False: it asks the one that has. */
  readonly hasObjects: boolean;
  /** Names of the edges: Workers that share code and objects and nothing else. */
  readonly edges: readonly string[];
  /** Settings and secrets on top of wrangler.toml's. */
  readonly bindings: Readonly<Record<string, string>>;
  /** Failures that a shield lets pass for each address in a minute, instead of what wrangler.toml says. */
  readonly shields: { readonly FAILURES?: number; readonly ADMIN_FAILURES?: number };
  /** URL that the service binding ORIGIN leads to; `null`: there is no such binding. */
  readonly originBinding: string | null;
  /** Whether webhooks send through a queue. */
  readonly webhookQueue: boolean;
  /** Bundle of a Worker of somebody else that has the binding REKEY to this one; `null`: there is none. */
  readonly neighbour: string | null;
};

/** What the test may ask of the process, beside HTTP. */
export type Calls = {
  ledger(sql: string, ...values: (string | number | null)[]): Promise<Record<string, unknown>[]>;
  object(className: string, name: string, sql: string, ...values: unknown[]): Promise<Record<string, unknown>[]>;
  evict(className: string, name: string): Promise<void>;
  objectIds(className: string): Promise<string[]>;
  setLedgerFault(fault: LedgerFault): Promise<void>;
  ledgerQuestions(): Promise<number>;
  doChores(): Promise<void>;
  loseAnswers(call: Losable, times: number): Promise<void>;
  stop(): Promise<void>;
};

/** From the process to the test. */
export type Said =
  | { readonly ready: readonly string[] }
  | { readonly log: string }
  | { readonly answerTo: number; readonly value?: unknown; readonly error?: string };

/** From the test to the process. */
export type Asked = { readonly id: number; readonly call: keyof Calls; readonly args: unknown[] };

const say = (said: Said) => process.send?.(said);

/** The Worker that has the objects goes by the product's name; others find its objects by it. */
export const OWNER = "rekey";

const NEIGHBOUR = "neighbour";
const ORIGIN = "origin";
const QUEUE = "rekey-webhooks";

let fault: LedgerFault = "pass";
let questions = 0;
let lifted = Promise.withResolvers<void>();

/** How many answers of each call are still to be lost. */
const toLose = new Map<string, number>();

async function meetFault(request: { readonly url: string }): Promise<Response> {
  const { host, pathname } = new URL(request.url);
  return host === "answers" ? meetLoss(pathname.slice(1)) : meetLedgerFault();
}

function meetLoss(call: string): Response {
  const left = toLose.get(call) ?? 0;
  if (left > 0) toLose.set(call, left - 1);
  return new Response(left > 0 ? "lose" : "pass");
}

async function meetLedgerFault(): Promise<Response> {
  questions += 1;
  const met = fault;
  if (met === "hang") await lifted.promise;
  return new Response(met);
}

async function start(plan: Plan): Promise<Miniflare> {
  const { bundles, worker, migrations } = JSON.parse(
    await readFile(join(plan.artefacts, "blueprint.json"), "utf8"),
  ) as Blueprint;
  const bundle = bundles[plan.artefact];

  const modules = await withLimits(bundle);
  const workers = plan.edges.map((name, index) => {
    const ownsObjects = plan.hasObjects && index === 0;
    return {
      ...worker,
      name: ownsObjects ? OWNER : name,
      modulesRoot: dirname(bundle),
      modules,
      bindings: { ...worker.bindings, ...plan.bindings },
      ratelimits: { ...worker.ratelimits, ...shieldsOf(plan) },
      serviceBindings: {
        ...worker.serviceBindings,
        LEDGER_FAULTS: meetFault,
        ...(plan.originBinding !== null && { ORIGIN }),
      },
      ...(plan.webhookQueue &&
        ownsObjects && {
          queueProducers: { WEBHOOK_QUEUE: { queueName: QUEUE } },
          queueConsumers: { [QUEUE]: { maxBatchTimeout: 0 } },
        }),
      durableObjects: Object.fromEntries(
        Object.entries(worker.durableObjects ?? {}).map(([binding, designator]) => {
          const durableObject = typeof designator === "string" ? { className: designator } : designator;
          return [binding, ownsObjects ? durableObject : { ...durableObject, scriptName: OWNER }];
        }),
      ),
      // A socket of the Worker itself: the proxy that Miniflare puts in front would rewrite what raw sockets send.
      unsafeDirectSockets: [{ host: "127.0.0.1", port: 0 }],
    };
  });

  const neighbour = plan.neighbour === null ? [] : [neighbourOf(plan.neighbour, worker)];
  const origin = plan.originBinding === null ? [] : [originWorker(plan.originBinding, worker)];
  const miniflare = new Miniflare(
    convertV4MiniflareOptions({
      workers: [...workers, ...neighbour, ...origin],
      resourcePersistencePath: plan.storage,
      unsafeDevRegistryPath: plan.registry,
      unsafeInspectDurableObjects: true,
      handleStructuredLogs: ({ message }) => say({ log: message }),
      log: new Log(LogLevel.ERROR),
      telemetry: { enabled: false },
      cf: false,
    }),
  );
  await miniflare.ready;
  if (plan.hasObjects) await migrate(miniflare, migrations);
  return miniflare;
}

/**
 * The bundle as it is, entered through a module that has the ledger keep to D1's limits first: in every isolate, for
 * Workers and objects alike.
 */
async function withLimits(bundle: string) {
  const moduleOf = async (name: string) => ({
    type: "ESModule" as const,
    path: join(dirname(bundle), name.replace(".ts", ".js")),
    contents: stripTypeScriptTypes(await readFile(join(import.meta.dirname, name), "utf8")).replaceAll(
      /(from "\.\/[\w-]+)\.ts"/g,
      '$1.js"',
    ),
  });
  const product = `./${basename(bundle)}`;
  return [
    {
      type: "ESModule" as const,
      path: join(dirname(bundle), "entry.js"),
      contents: `import "./hold-ledger.js"; export * from "${product}"; export { default } from "${product}";`,
    },
    await moduleOf("hold-ledger.ts"),
    await moduleOf("d1-limits.ts"),
    { type: "ESModule" as const, path: bundle },
  ];
}

const shieldsOf = ({ shields }: Plan) =>
  Object.fromEntries(
    Object.entries(shields).map(([name, limit]) => [
      name,
      { namespace_id: name, simple: { limit, period: 60 as const } },
    ]),
  );

/** Knows of Rekey what a service binding tells, and nothing else: no object, no ledger, no secret. */
const neighbourOf = (bundle: string, { compatibilityDate }: Blueprint["worker"]) => ({
  name: NEIGHBOUR,
  compatibilityDate: compatibilityDate!,
  modulesRoot: dirname(bundle),
  modules: [{ type: "ESModule" as const, path: bundle }],
  serviceBindings: { REKEY: { name: OWNER, entrypoint: "RekeyService" } },
  unsafeDirectSockets: [{ host: "127.0.0.1", port: 0 }],
});

/** An API that is a Worker itself, as far as Rekey can see: it hands every request on to a server. */
const originWorker = (url: string, { compatibilityDate }: Blueprint["worker"]) => ({
  name: ORIGIN,
  compatibilityDate: compatibilityDate!,
  modules: [
    {
      type: "ESModule" as const,
      path: "origin.js",
      contents: `export default {
        fetch(request) {
          const { pathname, search } = new URL(request.url);
          return fetch(new Request(${JSON.stringify(url)} + pathname + search, request));
        },
      };`,
    },
  ],
});

async function migrate(miniflare: Miniflare, migrations: Blueprint["migrations"]): Promise<void> {
  const db = await miniflare.getD1Database("DB", OWNER);
  await db.exec("CREATE TABLE IF NOT EXISTS d1_migrations (name TEXT PRIMARY KEY)");
  const { results } = await db.prepare("SELECT name FROM d1_migrations").all<{ name: string }>();
  for (const { name, statements } of migrations) {
    if (results.some((done) => done.name === name)) continue;
    const record = db.prepare("INSERT INTO d1_migrations (name) VALUES (?)").bind(name);
    await db.batch([...statements.map((sql) => db.prepare(sql)), record]);
  }
}

function callsOn(miniflare: Miniflare): Calls {
  return {
    async ledger(sql, ...values) {
      const db = await miniflare.getD1Database("DB");
      return (
        await db
          .prepare(sql)
          .bind(...values)
          .all()
      ).results;
    },
    async object(className, name, sql, ...values) {
      const storage = await miniflare.unsafeGetDurableObjectStorage(OWNER, className, { name });
      return storage.exec(sql, ...values);
    },
    evict: (className, name) => miniflare.unsafeEvictDurableObject(OWNER, className, { name }),
    objectIds: (className) => miniflare.listDurableObjectIds(className, OWNER),
    async setLedgerFault(next) {
      fault = next;
      lifted.resolve();
      lifted = Promise.withResolvers();
    },
    ledgerQuestions: async () => questions,
    async doChores() {
      const worker = await miniflare.getWorker(OWNER);
      await worker.scheduled({ cron: "* * * * *" });
    },
    async loseAnswers(call, times) {
      toLose.set(call, times);
    },
    async stop() {
      lifted.resolve();
      await miniflare.dispose();
    },
  };
}

const plan = JSON.parse(process.argv[2]!) as Plan;
const miniflare = await start(plan);
const calls = callsOn(miniflare);

async function answer({ id, call, args }: Asked): Promise<void> {
  try {
    const value = await (calls[call] as (...args: unknown[]) => Promise<unknown>)(...args);
    say({ answerTo: id, value });
    if (call === "stop") process.disconnect();
  } catch (cause) {
    say({ answerTo: id, error: String(cause) });
  }
}

process.on("message", (asked: Asked) => void answer(asked));
// The test process is gone, however it went: nothing may outlive it.
process.on("disconnect", () => {
  void miniflare.dispose().finally(() => process.exit(0));
});

const edges = plan.edges.map((name, index) => (plan.hasObjects && index === 0 ? OWNER : name));
const names = plan.neighbour === null ? edges : [...edges, NEIGHBOUR];
const doors = await Promise.all(names.map((name) => miniflare.unsafeGetDirectURL(name)));
say({ ready: doors.map((door) => door.origin) });
