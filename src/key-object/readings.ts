import { sees, type Authority } from "../key/authority.ts";
import type { Account } from "../key/chain-proof.ts";
import type { Client } from "../key/client.ts";
import type { KeyEvent } from "../key/event.ts";
import type { Key } from "../key/key.ts";
import { recordOf, type KeyRecord } from "../key/record.ts";
import type { ForwardClock } from "../key/time.ts";
import type { Book } from "./book.ts";
import type { Duties } from "./duties.ts";
import { NOT_FOUND, type AccountAsk, type Decided, type EventsAsk, type Reached, type ReadAsk } from "./rpc.ts";
import type { State } from "./state.ts";
import type { Tally } from "./tally.ts";

type Parts = {
  readonly book: Book;
  readonly state: State;
  readonly clock: ForwardClock;
  readonly tally: Tally;
  readonly duties: Duties;
};

/**
 * What people read of a key, from the key itself. Nothing is told that a crash could still undo: every answer waits until
 * what it tells of is durable.
 */
export class Readings {
  readonly #parts: Parts;

  constructor(parts: Parts) {
    this.#parts = parts;
  }

  async record({ authority }: ReadAsk): Promise<Decided<Reached<{ readonly record: KeyRecord }>>> {
    const { state, clock } = this.#parts;
    const key = this.#visible(authority);
    return state.answer(key === null ? NOT_FOUND : { reached: true, record: recordOf(key, clock.now()) });
  }

  async events({
    authority,
    before,
    limit,
  }: EventsAsk): Promise<Decided<Reached<{ readonly events: readonly KeyEvent[] }>>> {
    const { state, book } = this.#parts;
    if (this.#visible(authority) === null) return state.answer(NOT_FOUND);
    const answer = await state.answer({ reached: true } as const);
    return { ...answer, events: book.eventsBefore(before, limit) };
  }

  async clients({ authority }: ReadAsk): Promise<Decided<Reached<{ readonly clients: readonly Client[] }>>> {
    const { state, tally } = this.#parts;
    return state.answer(this.#visible(authority) === null ? NOT_FOUND : { reached: true, clients: tally.clients });
  }

  /** Of a purged key too: its history is short, and whether it is untouched is worth knowing. */
  async account({ authority, after, limit }: AccountAsk): Promise<Decided<Reached<Account>>> {
    const { state, book } = this.#parts;
    const { key, vacancy } = state.page;
    const stands = key !== null ? key.profile : vacancy?.kind === "purged" ? vacancy : null;
    if (stands === null || !sees(authority, stands.owner)) return state.answer(NOT_FOUND);
    const answer = await state.answer({ reached: true } as const);
    const { delivered } = book.written!;
    const { head } = book;
    const owner = key?.profile.owner ?? null;
    const begins = key === null ? head.sequence - 1 : 0;
    return { ...answer, head, delivered, owner, begins, heads: book.headsAfter(after, limit) };
  }

  #visible(authority: Authority): Key | null {
    const key = this.#parts.duties.present();
    return key !== null && sees(authority, key.profile.owner) ? key : null;
  }
}
