import { chained, GENESIS } from "../../src/key/chain.ts";
import type { KeyId } from "../../src/key/credential.ts";
import type { KeyEvent } from "../../src/key/event.ts";
import type { KeyRecord } from "../../src/key/record.ts";
import * as ledger from "../../src/ledger/deliver.ts";

type Told =
  | { readonly record: KeyRecord; readonly events: readonly KeyEvent[] }
  | { readonly purged: KeyId; readonly events: readonly KeyEvent[] };

/** Delivers events as a key's object does, each with a hash. The chain begins anew with every delivery. */
export function deliver(db: D1Database, told: Told): Promise<void> {
  const keyId = "purged" in told ? told.purged : told.record.id;
  return ledger.deliver(db, { ...told, events: chained(keyId, GENESIS, told.events) });
}
