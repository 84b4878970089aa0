import { purgedAmong } from "../ledger/stream.ts";
import type { WebhookBook } from "./book.ts";
import { now } from "./now.ts";
import { withoutLedger } from "./without-ledger.ts";

/**
 * Forgets what need not be kept any more, and what must not be: messages about keys that were purged. Whoever reads on
 * hears of a purge by its event; but an endpoint that is disabled does not read, and one with too much to send has not
 * come so far, so the ledger is asked besides. Once in a while: it looks at every message there is.
 */
export async function forget(db: D1Database, book: WebhookBook): Promise<void> {
  if (!book.prune(now())) return;
  const keyIds = book.keyIds();
  if (keyIds.length === 0) return;
  for (const keyId of (await purgedAmong(db, keyIds).catch(withoutLedger)) ?? []) book.forgetKey(keyId);
}
