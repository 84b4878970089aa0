import { readFileSync } from "node:fs";
import { availableParallelism, cpus, loadavg } from "node:os";
import { join } from "node:path";
import { durableWriteMs } from "./disk.ts";
import type { Pace } from "./rounds.ts";

/** Under which conditions the numbers were made. Numbers without them say nothing. */
export type Conditions = {
  readonly versions: Readonly<Record<string, string>>;
  readonly processor: string;
  readonly cores: number;
  /** How many processes wanted a core in the minute before the run began; on a quiet machine next to none. */
  readonly loadBefore: number;
  readonly durableWriteMs: number;
  readonly pace: Pace;
  readonly keys: number;
};

const loadAtStart = loadavg()[0]!;

const modules = join(import.meta.dirname, "..", "..", "node_modules");

export function conditionsOf(pace: Pace, keys: number): Conditions {
  const versionOf = (name: string): string => {
    const manifest = JSON.parse(readFileSync(join(modules, name, "package.json"), "utf8")) as { version: string };
    return manifest.version;
  };
  return {
    versions: { workerd: versionOf("workerd"), hono: versionOf("hono"), node: process.version.slice(1) },
    processor: cpus()[0]?.model.trim() ?? "unknown",
    cores: availableParallelism(),
    loadBefore: loadAtStart,
    durableWriteMs: durableWriteMs(),
    pace,
    keys,
  };
}

/** What was measured with, and on what, in one line. */
export function machineLine(conditions: Conditions): string {
  const { versions, processor, cores } = conditions;
  const named = Object.entries(versions).map(([name, version]) => `${name} ${version}`);
  const disk = `a disk that makes 4 KiB durable in ${conditions.durableWriteMs.toFixed(1)} ms`;
  const load = conditions.loadBefore;
  const busy =
    load > cores / 4 ? ` **The machine was not quiet**: its load was ${load.toFixed(1)} when the run began.` : "";
  return `${named.join(", ")}; ${cores} cores (${processor}), ${disk}.${busy}`;
}
