import { availableParallelism } from "node:os";
import { join } from "node:path";
import { Worker } from "node:worker_threads";
import { addUp, type Campaign, type Findings, type Trial } from "../campaigns/campaign.ts";

/** What a thread is asked for: a part of what a campaign computes. */
export type Share = { readonly name: string; readonly size: number; readonly seed: number };

/** What it says: how far it has come, and in the end what it found. */
export type Message = { readonly done: number } | { readonly findings: Findings };

/** Seeds of two shares are so far apart that none is tried twice: a share has fewer units. */
const APART = 50_000_000;

/** In megabytes, of each thread: most of what computing makes is forgotten at once. */
const YOUNG_MB = 64;

/** The same trial, on all cores at once. As soon as one of them finds something, all stop. */
export const onAllCores =
  ({ name }: Campaign): Trial =>
  async (size, seed, progress) => {
    const cores = Math.min(availableParallelism(), size);
    const done: number[] = Array.from({ length: cores }, () => 0);
    const threads: Worker[] = [];
    const shares = done.map((_, at) => {
      const share: Share = { name, size: Math.ceil(size / cores), seed: seed + at * APART };
      return findingsOf(share, threads, (far) => {
        done[at] = far;
        progress(done.reduce((sum, each) => sum + each));
      });
    });
    const firstBad = Promise.race(
      shares.map(async (share) => {
        const findings = await share;
        return findings.violations.length > 0 ? findings : new Promise<never>(() => {});
      }),
    );
    try {
      const all = Promise.all(shares).then((each) => ({
        counts: addUp(each.map(({ counts }) => counts)),
        violations: each.flatMap(({ violations }) => violations),
      }));
      return await Promise.race([firstBad, all]);
    } finally {
      await Promise.all(threads.map((thread) => thread.terminate()));
    }
  };

function findingsOf(share: Share, threads: Worker[], progress: (done: number) => void): Promise<Findings> {
  const thread = new Worker(join(import.meta.dirname, "thread.ts"), {
    workerData: share,
    resourceLimits: { maxYoungGenerationSizeMb: YOUNG_MB },
  });
  threads.push(thread);
  return new Promise((resolve, reject) => {
    thread.on("message", (message: Message) =>
      "findings" in message ? resolve(message.findings) : progress(message.done),
    );
    const where = `SEED=${share.seed} SIZE=${share.size} npm run proof -- ${share.name}`;
    thread.on("error", (cause) => reject(new Error(`a thread broke off; again: ${where}`, { cause })));
    thread.on("exit", () => reject(new Error(`a thread ended without a word; again: ${where}`)));
  });
}
