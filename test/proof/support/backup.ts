import { cp, mkdtemp, rm } from "node:fs/promises";
import { join } from "node:path";
import type { Rekey } from "../../support/rekey.ts";

/** What can be put back by itself: the storage of all objects, or the ledger. */
export type Part = "do" | "d1";

/** A copy of everything that was at rest at one instant. */
export type Backup = AsyncDisposable & {
  /** Puts these parts back as they were then. The product must be stopped. */
  restore(...parts: readonly Part[]): Promise<void>;
};

/** Copies the SQLite files of a product that was killed: as they lie on the disk, with what stands in their logs. */
export async function backUp({ storage }: Rekey): Promise<Backup> {
  const copy = await mkdtemp(`${storage}-backup-`);
  await cp(storage, copy, { recursive: true });
  return {
    async restore(...parts) {
      for (const part of parts) {
        // A log of later writes beside an older file would be played into it.
        await rm(join(storage, part), { recursive: true });
        await cp(join(copy, part), join(storage, part), { recursive: true });
      }
    },
    [Symbol.asyncDispose]: () => rm(copy, { recursive: true }),
  };
}
