import { fork, type ChildProcess } from "node:child_process";
import { mkdtemp, rm } from "node:fs/promises";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout } from "node:timers/promises";
import { FLUSH_AFTER_MS } from "../../src/key-object/tally.ts";
import type { Artefact } from "./build.ts";
import type { LedgerFault } from "./faulty-d1.ts";
import type { Asked, Calls, Plan, Said } from "./serve.ts";
import { testSecrets } from "./settings.ts";
import type { Losable } from "./worker-under-test.ts";

export type RekeyOptions = {
  /** Edges in the process that has the objects: separate isolates of the same Worker. Default 1. */
  readonly edges?: number;
  /** Where the gateway forwards to. Default: a port on which nobody listens. */
  readonly origin?: string;
  /** URL that the service binding ORIGIN leads to, through a Worker. Default: there is no such binding. */
  readonly originBinding?: string;
  /** Settings and secrets on top of wrangler.toml's and the test secrets. */
  readonly vars?: Readonly<Record<string, string>>;
  /** True: the ledger can be made to fail, and questions to it are counted. */
  readonly faultyLedger?: boolean;
  /** Failures that a shield lets pass for each address in a minute, instead of what wrangler.toml says. */
  readonly shields?: Plan["shields"];
  /** True: webhooks send through a queue. */
  readonly webhookQueue?: boolean;
  /** Bundle of a Worker of somebody else that has the binding REKEY to this one. Its door is the last of `urls`. */
  readonly neighbour?: string;
  /** Directory that build.ts filled. Default: the one made for this run of vitest. */
  readonly artefacts?: string;
};

type SqlValue = string | number | null;
type Row = Record<string, unknown>;

/** A deployment of Rekey on this machine: the real bundle in workerd, on its own storage, over real HTTP. */
export type Rekey = AsyncDisposable & {
  /** The first door. Changes at a restart. */
  readonly url: string;
  /** Every door of every process, the first one first: `http://127.0.0.1:<port>`, no slash at the end. */
  readonly urls: readonly string[];
  /** The token of the control API. */
  readonly adminToken: string;
  /** Directory with everything that is at rest: objects and ledger, as SQLite files. */
  readonly storage: string;
  /** Everything logged so far by all processes, the killed ones included. */
  readonly logs: readonly string[];
  /**
   * Opens another door in a process of its own, onto the same objects and the same ledger; gives its URL. With settings
   * of its own, where it is given any: as while a deploy is under way.
   */
  addProcess(vars?: Readonly<Record<string, string>>): Promise<string>;
  /** SIGKILL to every process, workerd included, in the same instant. Returns when they no longer listen. */
  kill(): Promise<void>;
  /**
   * Starts again on the same storage, after `kill` or instead of it. Later processes are not started again. Settings
   * that are given replace those of their names from here on.
   */
  restart(vars?: Readonly<Record<string, string>>): Promise<void>;
  /** Throws a key's object out of memory; its storage stays. False if it was not in memory. */
  evict(keyId: string): Promise<boolean>;
  /** The same of an owner's object. */
  evictOwner(owner: string): Promise<boolean>;
  /** Ids (as the platform writes them) of all key objects that have storage. */
  objectIds(): Promise<string[]>;
  /** Runs SQL in the storage of a key's object. Starts the object if it is asleep. */
  objectSql(keyId: string, sql: string, ...values: SqlValue[]): Promise<Row[]>;
  /** The same in the storage of an owner's object. */
  ownerSql(owner: string, sql: string, ...values: SqlValue[]): Promise<Row[]>;
  /** Runs SQL in the ledger, past any fault. */
  ledgerSql(sql: string, ...values: SqlValue[]): Promise<Row[]>;
  /** What every question to the ledger meets from now on. Only with `faultyLedger`. */
  ledgerFault(fault: LedgerFault): Promise<void>;
  /** How many questions Workers and objects have put to the ledger since the processes started. Only with `faultyLedger`. */
  ledgerQuestions(): Promise<number>;
  /** What the cron does every minute, now. */
  doChores(): Promise<void>;
  /**
   * Loses the next so many answers of key objects to one call: what was decided is durable, and the object is gone before
   * it has answered. Only with `faultyLedger`.
   */
  loseAnswers(call: Losable, times: number): Promise<void>;
  /** Ends every process and deletes the storage. */
  stop(): Promise<void>;
};

/** Starts Rekey on fresh storage. Use `await using`, or call `stop`. */
export async function startRekey(options: RekeyOptions = {}): Promise<Rekey> {
  const artefacts = options.artefacts ?? process.env["REKEY_ARTEFACTS"];
  if (artefacts === undefined)
    throw new Error("no artefacts: run vitest with test/vitest.config.ts, or name a directory");
  const artefact: Artefact = options.faultyLedger === true ? "faulty-ledger" : "deployed";
  const home = await mkdtemp(join(tmpdir(), "rekey-test-"));
  const storage = join(home, "state");
  let bindings = { ...testSecrets, ORIGIN_URL: options.origin ?? "http://127.0.0.1:1", ...options.vars };
  const logs: string[] = [];

  // Addresses of killed processes are worth nothing: each start has a registry of its own.
  let starts = 0;
  const start = (hasObjects: boolean, edges: readonly string[], vars: RekeyOptions["vars"] = {}) => {
    if (hasObjects) starts += 1;
    const registry = join(home, `registry-${starts}`);
    const neighbour = (hasObjects && options.neighbour) || null;
    const shields = options.shields ?? {};
    return startProcess(
      {
        artefacts,
        artefact,
        storage,
        registry,
        hasObjects,
        edges,
        bindings: { ...bindings, ...vars },
        neighbour,
        shields,
        originBinding: options.originBinding ?? null,
        webhookQueue: options.webhookQueue ?? false,
      },
      logs,
    );
  };
  const startFirst = () =>
    start(
      true,
      Array.from({ length: options.edges ?? 1 }, (_, index) => `edge-${index}`),
    );

  let first = await startFirst();
  let others: Process[] = [];
  const all = () => [first, ...others];
  const evict = async (className: string, name: string): Promise<boolean> => {
    // What a key has counted it tells the ledger within seconds, and does not sleep before. A ledger that can fail is
    // asked through this process, which cannot answer while it has an object evicted.
    if (artefact === "faulty-ledger" && className === "KeyObject") await setTimeout(FLUSH_AFTER_MS + 500);
    try {
      await first.call("evict", className, name);
      return true;
    } catch (cause) {
      if (String(cause).includes("not currently running")) return false;
      throw cause;
    }
  };

  const rekey: Rekey = {
    get url() {
      return first.urls[0]!;
    },
    get urls() {
      return all().flatMap(({ urls }) => urls);
    },
    adminToken: bindings.REKEY_ADMIN_TOKEN,
    storage,
    logs,

    async addProcess(vars) {
      const added = await start(false, [`other-${others.length}`], vars);
      others.push(added);
      return added.urls[0]!;
    },
    async kill() {
      await Promise.all(all().map((each) => each.kill()));
    },
    async restart(vars) {
      bindings = { ...bindings, ...vars };
      await rekey.kill();
      others = [];
      first = await startFirst();
    },

    evict: (keyId) => evict("KeyObject", keyId),
    evictOwner: (owner) => evict("OwnerObject", owner),
    objectIds: () => first.call("objectIds", "KeyObject"),
    objectSql: (keyId, sql, ...values) => first.call("object", "KeyObject", keyId, sql, ...values),
    ownerSql: (owner, sql, ...values) => first.call("object", "OwnerObject", owner, sql, ...values),
    ledgerSql: (sql, ...values) => first.call("ledger", sql, ...values),
    async ledgerFault(fault) {
      if (artefact !== "faulty-ledger") throw new Error("this ledger cannot fail: start with faultyLedger");
      await Promise.all(all().map((each) => each.call("setLedgerFault", fault)));
    },
    async ledgerQuestions() {
      if (artefact !== "faulty-ledger") throw new Error("nobody counts here: start with faultyLedger");
      const counts = await Promise.all(all().map((each) => each.call("ledgerQuestions")));
      return counts.reduce((sum, count) => sum + count, 0);
    },
    doChores: () => first.call("doChores"),

    async loseAnswers(call, times) {
      if (artefact !== "faulty-ledger") throw new Error("nothing is lost here: start with faultyLedger");
      await first.call("loseAnswers", call, times);
    },

    async stop() {
      await Promise.all(all().map((each) => each.stop()));
      await rm(home, { recursive: true, maxRetries: 3 });
    },
    [Symbol.asyncDispose]: () => rekey.stop(),
  };
  return rekey;
}

/** One process that runs serve.ts, and the workerd below it. */
type Process = {
  readonly urls: readonly string[];
  call<Name extends keyof Calls>(name: Name, ...args: Parameters<Calls[Name]>): ReturnType<Calls[Name]>;
  /** Both may be called on a process that has already ended. */
  kill(): Promise<void>;
  stop(): Promise<void>;
};

async function startProcess(plan: Plan, logs: string[]): Promise<Process> {
  const child = fork(join(import.meta.dirname, "serve.ts"), [JSON.stringify(plan)], {
    // A process group of its own, so that one signal reaches workerd too.
    detached: true,
    execArgv: [],
    serialization: "advanced",
    stdio: ["ignore", "pipe", "pipe", "ipc"],
  });
  const ended = new Promise<void>((resolve) => child.once("exit", () => resolve()));
  const output: string[] = [];
  for (const stream of [child.stdout!, child.stderr!]) stream.on("data", (chunk) => output.push(String(chunk)));

  const waiting = new Map<number, PromiseWithResolvers<unknown>>();
  const urls = await new Promise<readonly string[]>((resolve, reject) => {
    child.on("message", (said: Said) => {
      if ("ready" in said) resolve(said.ready);
      else if ("log" in said) logs.push(said.log);
      else if (said.error === undefined) waiting.get(said.answerTo)?.resolve(said.value);
      else waiting.get(said.answerTo)?.reject(new Error(said.error));
    });
    child.once("exit", (code, signal) => {
      const gone = new Error(`the process ended (${signal ?? code}): ${output.join("")}`);
      reject(gone);
      for (const each of waiting.values()) each.reject(gone);
    });
  });

  let calls = 0;
  const call = async (name: keyof Calls, ...args: unknown[]) => {
    if (!child.connected) throw new Error("the process has ended");
    const id = (calls += 1);
    const answer = Promise.withResolvers<unknown>();
    waiting.set(id, answer);
    child.send({ id, call: name, args } satisfies Asked);
    return answer.promise.finally(() => waiting.delete(id));
  };

  return {
    urls,
    call: call as Process["call"],
    async kill() {
      signalGroup(child);
      await ended;
      await Promise.all(urls.map(refuses));
    },
    async stop() {
      if (child.connected) await call("stop").catch(() => {});
      await ended;
    },
  };
}

function signalGroup(child: ChildProcess): void {
  if (child.exitCode !== null || child.signalCode !== null) return;
  process.kill(-child.pid!, "SIGKILL");
}

/** Waits until nobody listens at `url`: a killed workerd has then let go of its files. */
async function refuses(url: string): Promise<void> {
  const { hostname, port } = new URL(url);
  const listening = () =>
    new Promise<boolean>((resolve) => {
      const socket = connect(Number(port), hostname);
      socket.once("connect", () => resolve(true)).once("error", () => resolve(false));
      socket.once("connect", () => socket.destroy());
    });
  while (await listening());
}
