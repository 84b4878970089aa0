import { readStream } from "../ledger/stream.ts";
import { messageIdOf } from "../webhook/id.ts";
import { eventBody } from "../webhook/message.ts";
import { wants } from "../webhook/subscription.ts";
import type { NewMessage, WebhookBook } from "./book.ts";
import { now } from "./now.ts";
import { withoutLedger } from "./without-ledger.ts";

/** How many arrivals are read at once, and how many messages may wait: what is more stays in the ledger. */
const ARRIVALS_AT_ONCE = 200;
const MOST_PENDING = 1_000;

/** By how much the clocks of two objects may differ, in milliseconds. */
const CLOCKS_DIFFER_MS = 60_000;

/**
 * Reads the events that have arrived in the ledger since, in the order of their arrival, and queues those that the
 * endpoint is to be told of. How far it has read is written in the transaction that queues what it read: nothing is
 * skipped, whatever ends the object where.
 */
export async function readOn(db: D1Database, book: WebhookBook): Promise<"all" | "more" | "failed"> {
  for (;;) {
    const before = book.active;
    if (before === null) return "all";
    if (book.count().pending > MOST_PENDING - ARRIVALS_AT_ONCE) return "more";
    const { owner, createdAt } = before.endpoint;
    const read = await readStream(db, before.place, { owner, limit: ARRIVALS_AT_ONCE }).catch(withoutLedger);
    if (read === undefined) return "failed";
    // What it wants may have been amended meanwhile, and it may be gone.
    const page = book.active;
    if (page === null) return "all";
    const messages: NewMessage[] = [];
    for (const event of read.events) {
      const { keyId, type, sequence, at } = event;
      if (type === "key.purged") book.forgetKey(keyId);
      // What arrives late, or again because the ledger was restored, may be from before the endpoint was made.
      if (at < createdAt - CLOCKS_DIFFER_MS) continue;
      if ((owner !== null && event.owner !== owner) || !wants(page.endpoint.events, type)) continue;
      messages.push({ id: messageIdOf(keyId, sequence), keyId, type, body: eventBody(event) });
    }
    if (read.place?.arrival !== page.place?.arrival || read.restarted) {
      book.write({ ...page, place: read.place }, now(), messages);
    }
    if (!read.more) return "all";
  }
}
