import { isDeepStrictEqual } from "node:util";
import { Book } from "../../../src/key-object/book.ts";
import { GENESIS, hashOf, type EventHash, type Link } from "../../../src/key/chain.ts";
import type { Instance } from "./instance.ts";
import type { SimulatedLedger } from "./ledger.ts";

type Standing = { readonly revision: number; readonly status: string };

/** How final a status is: none follows a lower one. */
const FINALITY: Readonly<Record<string, number>> = { active: 0, suspended: 0, revoked: 1, purged: 2 };

/** Looks at the ledger after every delivery: it never goes back, and what has ended does not come back. */
export class LedgerWatch {
  readonly #ledger: SimulatedLedger;
  readonly #keyId: string;
  #last: Standing | null = null;

  constructor(ledger: SimulatedLedger, keyId: string) {
    this.#ledger = ledger;
    this.#keyId = keyId;
  }

  look(): string | null {
    const [row] = this.#ledger.rows(
      "SELECT revision, status FROM keys WHERE id = ?",
      this.#keyId,
    ) as readonly Standing[];
    if (row === undefined) return this.#last === null ? null : "the key is gone from the ledger";
    const last = this.#last ?? row;
    this.#last = row;
    if (row.revision < last.revision) return `the ledger went back from revision ${last.revision} to ${row.revision}`;
    if (FINALITY[row.status]! < FINALITY[last.status]!) return `the ledger made ${row.status} of ${last.status}`;
    return null;
  }
}

/** What storage and ledger say differently once everything was told, or what is wrong with what both say. */
export function faultIn(instance: Instance, ledger: SimulatedLedger): string | null {
  const book = new Book(instance.replica as unknown as DurableObjectStorage);
  const { written } = book;
  if (written === null) return null;
  const { key, vacancy } = written;
  const id = key?.profile.id ?? (vacancy?.kind === "purged" ? vacancy.keyId : null);
  if (id === null) return null;

  // An object lets go of what is old and was told; the ledger has all of it.
  const kept = book
    .eventsAfter(0, Number.MAX_SAFE_INTEGER, Number.MAX_SAFE_INTEGER)
    .map(({ sequence, hash }) => ({ sequence, hash }));
  const { head } = book;
  if (key !== null && key.standing.sequence !== head.sequence) {
    return `the history ends at ${head.sequence}, the key says at ${key.standing.sequence}`;
  }

  const rows = ledger.rows(
    `SELECT key_id AS keyId, sequence, type, at_ms AS at, actor, request_id AS requestId, ip, user_agent AS userAgent,
            country, detail, hash FROM events WHERE key_id = ? ORDER BY sequence`,
    id,
  ) as readonly (Link & { readonly hash: EventHash })[];
  let before = GENESIS;
  for (const row of rows) {
    if (hashOf(before, row) !== row.hash) return `the chain in the ledger breaks at ${row.sequence}`;
    before = row.hash;
  }
  const told = rows.map(({ sequence, hash }) => ({ sequence, hash }));
  const first = key === null ? head.sequence : 1;
  const expected = Array.from({ length: head.sequence - first + 1 }, (_, at) => first + at);
  const sequences = told.map(({ sequence }) => sequence);
  if (!isDeepStrictEqual(sequences, expected))
    return `the ledger has events ${sequences.join(" ")} of ${head.sequence}`;
  if (before !== head.hash) return "the chain in the ledger is not the key's";
  if (!isDeepStrictEqual(told.slice(told.length - kept.length), kept)) return "the key keeps what the ledger has not";
  if (key === null) return null;

  const [row] = ledger.rows("SELECT revision, status FROM keys WHERE id = ?", id) as readonly Standing[];
  if (row?.revision !== key.standing.revision)
    return `the ledger has revision ${row?.revision} of ${key.standing.revision}`;
  const [sums] = ledger.rows(
    "SELECT sum(admitted) AS admitted, sum(units) AS units FROM usage WHERE key_id = ?",
    id,
  ) as readonly { admitted: number | null; units: number | null }[];
  const { admitted, units } = key.use;
  if ((sums?.admitted ?? 0) !== admitted)
    return `the hours have ${sums?.admitted ?? 0} admissions, the key ${admitted}`;
  return (sums?.units ?? 0) === units ? null : `the hours have ${sums?.units ?? 0} units, the key ${units}`;
}
