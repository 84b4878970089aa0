import { readFileSync } from "node:fs";
import { availableParallelism, cpus } from "node:os";
import { join } from "node:path";
import type { Pace } from "./rounds.ts";

/** Under which conditions the numbers were made. Numbers without them say nothing. */
export type Conditions = {
  readonly versions: Readonly<Record<string, string>>;
  readonly processor: string;
  readonly cores: number;
  readonly pace: Pace;
  readonly keys: number;
};

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
    pace,
    keys,
  };
}
