import { gzipSync } from "node:zlib";
import { start, type Artefact } from "./workerd.ts";

/** What a fresh isolate pays before its first request. */
export type StartUp = {
  readonly bytes: number;
  readonly gzipBytes: number;
  /** Compiling and running the bundle, once for each fresh process. */
  readonly evaluationMs: readonly number[];
};

/**
 * Evaluates the bundle in a fresh workerd, so many times, and takes the time of compiling and running it.
 *
 * A Worker of three lines imports it while it handles a request, because there the clock runs. It is wall time of
 * work that waits for nothing; CPU time comes in steps of 10 ms and would say less. The clock has steps of 1 ms: take
 * the mean of several, not one.
 */
export async function measureStartUp(artefact: Artefact, times: number): Promise<StartUp> {
  const { script } = artefact;
  const evaluationMs: number[] = [];
  for (let time = 0; time < times; time++) evaluationMs.push(await evaluateOnce(artefact));
  return { bytes: Buffer.byteLength(script), gzipBytes: gzipSync(script).length, evaluationMs };
}

const IMPORTER = `
export default {
  async fetch() {
    const before = performance.now();
    await import("./bundle.js");
    return new Response(String(performance.now() - before));
  },
};
`;

async function evaluateOnce({ script, config }: Artefact): Promise<number> {
  const importer = { script: IMPORTER, config: { ...config, durable_objects: { bindings: [] } } };
  const worker = await start({ name: "startup", artefact: importer, modules: { "bundle.js": script } });
  try {
    const response = await fetch(`http://127.0.0.1:${worker.port}/`);
    const text = await response.text();
    if (!response.ok) throw new Error(`the bundle could not be evaluated: ${text}`);
    return Number(text);
  } finally {
    await worker.stop();
  }
}
