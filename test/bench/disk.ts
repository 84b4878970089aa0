import { closeSync, fdatasyncSync, mkdtempSync, openSync, rmSync, writeSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { median } from "./statistics.ts";

const WRITES = 100;

/**
 * How long the disk takes to make 4 KiB durable, in milliseconds: the median of a hundred writes where the objects
 * live, too. workerd waits for it with its only thread, so it bounds every row that writes.
 */
export function durableWriteMs(): number {
  const folder = mkdtempSync(join(tmpdir(), "rekey-bench-disk-"));
  const file = openSync(join(folder, "file"), "w");
  const page = Buffer.alloc(4096, 1);
  try {
    const times = Array.from({ length: WRITES }, () => {
      writeSync(file, page);
      const before = performance.now();
      fdatasyncSync(file);
      return performance.now() - before;
    });
    return median(times);
  } finally {
    closeSync(file);
    rmSync(folder, { recursive: true });
  }
}
