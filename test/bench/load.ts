import { fork, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import type { Job, Order, Report, Sample } from "./generator.ts";
import type { Latencies, PacedJob } from "./open-loop.ts";

/** The load generator as the bench sees it: one process, one job at a time. */
export class LoadGenerator {
  readonly #process: ChildProcess = fork(join(import.meta.dirname, "generator.ts"));

  /** @throws if any answer was not the expected one: a bench that counts refusals as fast admissions lies. */
  async run(job: Job): Promise<Sample> {
    return (await this.#order({ closed: job })) as Sample;
  }

  /** @throws as `run` does. */
  async runOpenLoop(job: PacedJob): Promise<Latencies> {
    return (await this.#order({ open: job })) as Latencies;
  }

  async #order(order: Order): Promise<Sample | Latencies> {
    this.#process.send(order);
    const [report] = (await once(this.#process, "message")) as [Report];
    if (!report.ok) throw new Error(report.message);
    return report.found;
  }

  stop(): void {
    this.#process.kill();
  }
}
