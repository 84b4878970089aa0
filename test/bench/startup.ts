import { gzipSync } from "node:zlib";
import { mainThreadMsOf } from "./cpu.ts";
import { start, type Artefact } from "./workerd.ts";

/** What a fresh isolate pays before its first request. */
export type StartUp = {
  readonly bytes: number;
  readonly gzipBytes: number;
  /** CPU time of compiling and running the bundle, once for each fresh process; empty where the system does not tell. */
  readonly cpuMs: readonly number[];
};

/** Evaluates the bundle in a fresh workerd, so many times. */
export async function measureStartUp(artefact: Artefact, times: number): Promise<StartUp> {
  const { script } = artefact;
  const cpuMs: number[] = [];
  for (let time = 0; time < times; time++) {
    const ms = await evaluateOnce(artefact);
    if (ms !== null) cpuMs.push(ms);
  }
  return { bytes: Buffer.byteLength(script), gzipBytes: gzipSync(script).length, cpuMs };
}

/** A Worker that imports the bundle when it is told to, so that nothing else of starting a process is counted. */
const IMPORTER = `
export default {
  async fetch(request) {
    if (request.method === "POST") await import("./bundle.js");
    return new Response("done");
  },
};
`;

async function evaluateOnce({ script, config }: Artefact): Promise<number | null> {
  const importer = { script: IMPORTER, config: { ...config, durable_objects: { bindings: [] } } };
  const worker = await start({ name: "startup", artefact: importer, modules: { "bundle.js": script } });
  const pid = worker.pids[0] ?? null;
  const call = async (method: "GET" | "POST"): Promise<number | null> => {
    const before = mainThreadMsOf(pid);
    const response = await fetch(`http://127.0.0.1:${worker.port}/`, { method });
    if (!response.ok) throw new Error(`the bundle could not be evaluated: ${await response.text()}`);
    await response.text();
    const after = mainThreadMsOf(pid);
    return before === null || after === null ? null : after - before;
  };
  try {
    // What the first request of a process and a request by itself cost is not the bundle's.
    await call("GET");
    const request = await call("GET");
    const withImport = await call("POST");
    return request === null || withImport === null ? null : withImport - request;
  } finally {
    await worker.stop();
  }
}
