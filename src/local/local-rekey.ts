import { once } from "node:events";
import { createServer } from "node:net";
import { join } from "node:path";
import { Stop } from "./command.ts";
import { startDemoOrigin } from "./demo-origin.ts";
import { DEV_VARS, ensureDevVars } from "./dev-vars.ts";
import { guard } from "./guarded.ts";
import { claimState } from "./state-lock.ts";
import { spawnWrangler, wrangler } from "./wrangler.ts";

const HOST = "127.0.0.1";
const START_DEADLINE_MS = 60_000;

export type LocalOptions = {
  /** 0: any free port. */
  readonly port: number;
  /** Directory in which objects and ledger survive; made if it is not there. */
  readonly stateDir: string;
  /** Forward to this origin instead of the demo one. */
  readonly originUrl?: string | undefined;
  /** Show everything the Worker logs, instead of warnings and errors only. */
  readonly verbose?: boolean;
  /** Told what is going on, since the first start takes some seconds. */
  readonly progress: (line: string) => void;
};

/** The whole product on this machine: gateway, control API and an origin, on embedded storage. */
export type LocalRekey = {
  readonly url: string;
  readonly originUrl: string;
  /** Ends everything that was started. May be called twice. */
  stop(): Promise<void>;
  /** Settles if the Worker ends by itself, with what it said last. */
  readonly ended: Promise<string>;
};

/** Starts the product and returns when it answers. What cannot work is a `Stop` that says why. */
export async function startLocal(options: LocalOptions): Promise<LocalRekey> {
  const { progress, stateDir } = options;
  const cleanUp: (() => Promise<void> | void)[] = [];
  const stop = async () => {
    for (let undo = cleanUp.pop(); undo !== undefined; undo = cleanUp.pop()) await undo();
  };

  try {
    const port = await freePort(options.port);
    const made = ensureDevVars();
    if (made !== null) progress(made);
    cleanUp.push(claimState(stateDir));

    progress("Preparing the ledger ...");
    const migrated = await wrangler("d1", "migrations", "apply", "DB", "--local", "--persist-to", stateDir);
    if (!migrated.ok) throw new Stop(`The ledger could not be prepared:\n${migrated.stdout}${migrated.stderr}`);

    let originUrl = options.originUrl;
    if (originUrl === undefined) {
      const origin = await startDemoOrigin();
      cleanUp.push(() => origin.close());
      originUrl = origin.url;
    }

    progress("Starting the Worker ...");
    const url = `http://${HOST}:${port}`;
    const worker = startWorker(port, originUrl, options);
    cleanUp.push(worker.stop);
    await answering(url, worker.ended);
    await serving(url);
    return { url, originUrl, stop, ended: worker.ended };
  } catch (cause) {
    await stop();
    throw cause;
  }
}

function startWorker(port: number, originUrl: string, { stateDir, verbose = false }: LocalOptions) {
  const args = ["dev", "--local", "--ip", HOST, "--port", String(port), "--inspector-port", "0"];
  args.push("--persist-to", stateDir, "--var", `ORIGIN_URL:${originUrl}`);
  // Here, and nowhere else, a webhook may lead to this very machine: that is where one tries it out.
  args.push("--var", "WEBHOOKS_TO_LOOPBACK:allow");
  args.push("--show-interactive-dev-session=false", "--log-level", verbose ? "log" : "warn");
  const child = spawnWrangler(args, {
    stdio: ["ignore", "pipe", "pipe"],
    detached: true,
    // Runtimes announce themselves to each other by Worker name: another checkout must not find this one's.
    env: { WRANGLER_REGISTRY_PATH: join(stateDir, "registry") },
  });
  const stop = guard(child);

  let said = "";
  for (const [stream, out] of [
    [child.stdout!, process.stdout],
    [child.stderr!, process.stderr],
  ] as const) {
    stream.on("data", (chunk: Buffer) => {
      said = (said + String(chunk)).slice(-8_000);
      out.write(chunk);
    });
  }
  const ended = once(child, "close").then(() => said);
  return { stop, ended };
}

/** Waits until the Worker answers, or ends, or a minute has passed. */
async function answering(url: string, ended: Promise<string>): Promise<void> {
  let gone: string | undefined;
  void ended.then((said) => (gone = said));
  const deadline = Date.now() + START_DEADLINE_MS;
  for (;;) {
    if (gone !== undefined) throw new Stop("The Worker did not start; what it said is above.");
    if (Date.now() > deadline) throw new Stop(`The Worker did not answer within ${START_DEADLINE_MS / 1000} s.`);
    if (await isHealthy(url)) return;
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}

/** A Worker that is alive and has a secret that cannot be used serves nothing: its log has just said why. */
async function serving(url: string): Promise<void> {
  const response = await fetch(`${url}/_rekey/problems/misconfigured`, { signal: AbortSignal.timeout(10_000) });
  if (response.status !== 503) return void (await response.arrayBuffer());
  const { detail } = (await response.json()) as { readonly detail: string };
  throw new Stop(`${detail}\nWhat is wrong with each is above. Secrets of local runs are in ${DEV_VARS}.`);
}

/** True if a Rekey answers there. */
export async function isHealthy(url: string): Promise<boolean> {
  try {
    const response = await fetch(`${url}/_rekey/healthz`, { signal: AbortSignal.timeout(2_000) });
    await response.arrayBuffer();
    return response.ok && response.headers.has("rekey-request-id");
  } catch {
    return false;
  }
}

/** The port itself if it can be had, any free one for 0. */
async function freePort(port: number): Promise<number> {
  const server = createServer();
  try {
    await once(server.listen(port, HOST), "listening");
    const address = server.address();
    return typeof address === "object" && address !== null ? address.port : port;
  } catch (cause) {
    const { code } = cause as NodeJS.ErrnoException;
    if (code !== "EADDRINUSE" && code !== "EACCES") throw cause;
    const why = code === "EACCES" ? "may not be used by you" : await whoListens(port);
    throw new Stop(`Port ${port} ${why}.\nStop what listens there, or choose another port: PORT=${port + 1} npm start`);
  } finally {
    server.close();
  }
}

async function whoListens(port: number): Promise<string> {
  const isRekey = await isHealthy(`http://${HOST}:${port}`);
  return isRekey ? "is in use: a Rekey answers there already" : "is in use by another program";
}
