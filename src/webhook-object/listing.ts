import { HOUR_MS } from "../key/time.ts";
import type { StreamPlace } from "../ledger/stream.ts";
import { enterWebhook, recordWebhook, removeWebhook, type ListedWebhook } from "../ledger/webhooks.ts";
import { WEBHOOK_BOUNDS, type Endpoint } from "../webhook/endpoint.ts";
import { now } from "./now.ts";
import { withoutLedger } from "./without-ledger.ts";

/** How often the list is told of an endpoint of which it should know everything, in milliseconds. */
const TELL_AGAIN_MS = HOUR_MS;

/** What the ledger's list of endpoints says of this one. */
export class Listing {
  readonly #db: D1Database;
  /** What the list has heard from this instance. */
  #told = { revision: 0, at: 0 };

  constructor(db: D1Database) {
    this.#db = db;
  }

  /** Enters a new endpoint. Says where it begins to read; or `null`: its owner has too many, `undefined`: no answer. */
  async enter(endpoint: Endpoint): Promise<{ readonly place: StreamPlace } | null | undefined> {
    const entered = await enterWebhook(this.#db, listed(endpoint), WEBHOOK_BOUNDS.endpointsOfOwner).catch(
      withoutLedger,
    );
    if (entered) this.#told = { revision: endpoint.revision, at: endpoint.createdAt };
    return entered;
  }

  /**
   * Tells the list what it may not have heard: a change, or, once in a while, anything at all, because it may have been
   * restored from before. False if it did not listen.
   */
  async tell(endpoint: Endpoint): Promise<boolean> {
    const { revision } = endpoint;
    if (this.#told.revision >= revision && now() - this.#told.at < TELL_AGAIN_MS) return true;
    const said = await recordWebhook(this.#db, listed(endpoint)).then(() => true, withoutLedger);
    if (said === undefined) return false;
    this.#told = { revision, at: now() };
    return true;
  }

  /** A row that stays because the ledger is down is removed by whoever finds that nobody is here. */
  async remove({ id }: Endpoint): Promise<void> {
    await removeWebhook(this.#db, id).catch(withoutLedger);
  }
}

const listed = ({
  id,
  owner,
  url,
  description,
  events,
  createdAt,
  revision,
  disabledBecause,
}: Endpoint): ListedWebhook => ({
  id,
  owner,
  url,
  description,
  events,
  createdAt,
  revision,
  disabledBecause,
});
