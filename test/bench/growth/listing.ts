import type { KeyId } from "../../../src/key/credential.ts";
import type { Status } from "../../../src/key/key.ts";
import { epochMs } from "../../../src/key/time.ts";
import { listEvents, type EventFilter } from "../../../src/ledger/events.ts";
import { listKeys, type KeyFilter, type KeyPlace } from "../../../src/ledger/keys.ts";
import { CREATED, LedgerAtSize, type Asked } from "./ledger-at-size.ts";

/** One way to ask for a list, and what it took. */
export type Listed = {
  readonly list: "keys" | "events";
  /** What was asked for, as in a query string; empty for everything. */
  readonly filter: string;
  /** How many filters there were at once. */
  readonly filters: number;
  readonly ms: number;
  readonly plan: readonly string[];
  readonly rows: number;
};

const LIMIT = 100;
const ANY: KeyFilter = {
  owner: null,
  status: null,
  environment: null,
  pepper: null,
  beyondLifetime: null,
  search: null,
};

/** A key in the middle of everything. */
const SOME_ID = `key_${String((500_000 * 7919) % 10_000_019).padStart(16, "0")}`;

const VALUES: { readonly [Name in keyof KeyFilter]: readonly KeyFilter[Name][] } = {
  owner: [null, "big", "owner-17"],
  status: [null, "active", "expired", "suspended", "revoked"] satisfies (Status | null)[],
  environment: [null, "live", "test"],
  pepper: [null, "a", "b"],
  beyondLifetime: [null, true, false],
  search: [null, "Worker 12345", SOME_ID],
};

const EVENT_FILTERS: readonly EventFilter[] = [null, "big"].flatMap((owner) =>
  ([null, "key.rotated"] as const).flatMap((type) =>
    [null, CREATED + 500_000_000].flatMap((from) =>
      [null, CREATED + 600_000_000].map((to): EventFilter => ({ owner, type, from, to })),
    ),
  ),
);

/** Asks a ledger with so many keys for the first page by every filter and every pair of them, and for a page further on. */
export async function measureListing(keys: number): Promise<readonly Listed[]> {
  const ledger = new LedgerAtSize(keys);
  try {
    const listed: Listed[] = [];
    const note = (list: Listed["list"], filter: object): void => {
      const named = Object.entries(filter).filter(([, value]) => value !== null);
      for (const asked of ledger.takeAsked()) {
        listed.push({ list, filter: named.map(nameOf).join("&"), filters: named.length, ...asked } satisfies Listed &
          Asked);
      }
    };
    const now = epochMs(CREATED + keys * 2_000);
    const middle: KeyPlace = { createdAt: CREATED + keys * 500, id: SOME_ID };
    for (const filter of singlesAndPairs()) {
      for (const after of [null, middle]) await listKeys(ledger.d1, { filter, after, limit: LIMIT, now });
      note("keys", filter);
    }
    const place = { at: middle.createdAt, keyId: SOME_ID, sequence: 1 };
    for (const filter of EVENT_FILTERS) {
      for (const after of [null, place]) await listEvents(ledger.d1, { filter, after, limit: LIMIT });
      note("events", filter);
    }
    return listed;
  } finally {
    ledger.close();
  }
}

/** Whether a list is found by an index, and not by reading a table from one end to the other. */
export const usesIndex = ({ plan }: Pick<Listed, "plan">): boolean =>
  plan.some((line) => /USING (?:COVERING )?(?:INDEX|PRIMARY KEY)/.test(line)) &&
  !plan.some((line) => /^SCAN (?!.*USING)/.test(line));

/** Whether the rows that were found had to be put into order. */
export const sorts = ({ plan }: Pick<Listed, "plan">): boolean => plan.some((line) => line.includes("TEMP B-TREE"));

const nameOf = ([name, value]: [string, unknown]): string =>
  `${name}=${value === SOME_ID ? ("key_…" as KeyId) : String(value).replace(/^17\d{11}$/, "…")}`;

function singlesAndPairs(): readonly KeyFilter[] {
  const names = Object.keys(VALUES) as (keyof KeyFilter)[];
  const filters: KeyFilter[] = [ANY];
  for (const [at, name] of names.entries()) {
    for (const value of VALUES[name]) {
      if (value === null) continue;
      filters.push({ ...ANY, [name]: value });
      for (const other of names.slice(at + 1)) {
        for (const second of VALUES[other])
          if (second !== null) filters.push({ ...ANY, [name]: value, [other]: second });
      }
    }
  }
  return filters;
}
