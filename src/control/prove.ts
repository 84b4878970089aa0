import { askKey } from "../http/ask-key.ts";
import {
  anchorFault,
  deletedYoung,
  follow,
  inserted,
  missingAfter,
  type Account,
  type Fault,
  type Recovery,
} from "../key/chain-proof.ts";
import { GENESIS, type Head } from "../key/chain.ts";
import type { KeyId } from "../key/credential.ts";
import { DAY_MS, epochMs, rfc3339, type EpochMs } from "../key/time.ts";
import { readAnchor, readLinks, strayOf } from "../ledger/chain.ts";
import { authorityOf } from "./authority.ts";
import type { Surroundings } from "./operation.ts";
import type { ChainProof } from "./schema/proof.ts";

/** How many events are compared at once. A row has at most a few KB, and a hash 50 bytes. */
export const PROOF_PAGE = 500;

/**
 * How old an event may be for which somebody is accused of having deleted it too early, in milliseconds. A key's object
 * holds events at least so long; its newest one for ever, and how long it was to be kept years ago nobody knows now.
 */
const ACCUSED_MS = 30 * DAY_MS;

/** By how much the clocks of an object, of this Worker and of whoever deletes may differ, in milliseconds. */
const CLOCKS_DIFFER_MS = 60_000;

/** The key's object kept silent, or does not know the key any more. */
export class NoAccount extends Error {}

/**
 * Follows a key's history in the ledger from its beginning to the newest event of the key's object, and names the first
 * event that was altered, removed or inserted. `first`: what the object has said of its first events already.
 */
export async function prove(call: Surroundings, keyId: KeyId, first: Account): Promise<ChainProof> {
  const { DB } = call.env;
  const begins = { sequence: first.begins, hash: GENESIS };
  for (let anchor = laterOf(begins, await readAnchor(DB, keyId)); ;) {
    const young = anchor.sequence > begins.sequence ? await youngFault(call, keyId, anchor) : null;
    const found = await walkFrom(call, keyId, anchor, first);
    const walk = young === null ? found : { ...found, fault: young };
    // What was deleted for its age while we were reading is not missing.
    const moved = found.fault?.kind === "removed" ? await readAnchor(DB, keyId) : anchor;
    if (moved.sequence <= anchor.sequence) return proofOf(keyId, anchor, walk);
    anchor = moved;
  }
}

const laterOf = (a: Head, b: Head): Head => (b.sequence > a.sequence ? b : a);

type Walk = {
  readonly through: Head;
  readonly fault: Fault | null;
  readonly recoveries: readonly Recovery[];
  readonly account: Account;
};

async function walkFrom(call: Surroundings, keyId: KeyId, anchor: Head, first: Account): Promise<Walk> {
  const { DB } = call.env;
  let through = anchor;
  const recoveries: Recovery[] = [];
  let account = anchor.sequence === 0 ? first : await accountOf(call, keyId, anchor.sequence);
  for (; ; account = await accountOf(call, keyId, through.sequence)) {
    const rows = await readLinks(DB, keyId, {
      after: through.sequence,
      through: account.head.sequence,
      limit: PROOF_PAGE,
    });
    // The hashes that came with the page before are of the rows before.
    const verified = follow(through, rows, account, tooYoung(call.config.sightingsRetentionDays));
    through = verified.through;
    recoveries.push(...verified.recoveries);
    if (verified.fault !== null) return { ...verified, recoveries, account };
    // Short of the page's end: what follows was not told as a link of the chain yet.
    if (rows.length < PROOF_PAGE || through.sequence < rows.at(-1)!.sequence) {
      const fault =
        anchorFault(anchor, account) ??
        (await strayFault(call, keyId, anchor, account)) ??
        missingAfter(through, account);
      return { through, fault, recoveries, account };
    }
  }
}

/**
 * Whoever can write to the ledger can also say there that the beginning of a history was deleted for its age. How old it
 * is the key's object knows, of the events that it holds.
 */
async function youngFault(call: Surroundings, keyId: KeyId, { sequence }: Head): Promise<Fault | null> {
  const { env, config } = call;
  const ask = { authority: authorityOf(call), before: sequence + 1, limit: 1 };
  const asked = await askKey(env, config, keyId, (key) => key.events(ask));
  if (!asked.answered) throw new NoAccount("the key's object did not say how old its events are");
  const event = asked.answer.reached ? asked.answer.events[0] : undefined;
  if (event?.sequence !== sequence) return null;
  return event.at > tooYoung(config.eventsRetentionDays ?? Infinity) ? deletedYoung(sequence) : null;
}

/** From which instant on nothing is old enough to be gone, where it is kept for so many days. */
const tooYoung = (days: number): EpochMs =>
  epochMs(Date.now() - Math.min(ACCUSED_MS, days * DAY_MS) + CLOCKS_DIFFER_MS);

async function strayFault(call: Surroundings, keyId: KeyId, anchor: Head, account: Account): Promise<Fault | null> {
  const stray = await strayOf(call.env.DB, keyId, { upTo: anchor.sequence, above: account.head.sequence });
  if (stray === null) return null;
  if (stray <= anchor.sequence) return inserted(stray, `the history begins behind event ${anchor.sequence}`);
  // What has happened since the object was asked is no fault.
  const { head } = await accountOf(call, keyId, account.head.sequence);
  return stray > head.sequence ? inserted(stray, `the key has had ${head.sequence} events`) : null;
}

async function accountOf(call: Surroundings, keyId: KeyId, after: number): Promise<Account> {
  const ask = { authority: authorityOf(call), after, limit: PROOF_PAGE };
  const asked = await askKey(call.env, call.config, keyId, (key) => key.account(ask));
  if (!asked.answered || !asked.answer.reached) throw new NoAccount("the key's object gave no account of its history");
  return asked.answer;
}

const proofOf = (keyId: KeyId, anchor: Head, { through, fault, recoveries, account }: Walk): ChainProof => ({
  keyId,
  intact: fault === null,
  fault,
  anchor,
  verifiedThrough: through.sequence,
  onlyInLedger: [...recoveries],
  deliveredThrough: account.delivered,
  head: account.head,
  asOf: rfc3339(epochMs(Date.now())),
});
