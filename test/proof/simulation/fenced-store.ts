import type { SQLInputValue } from "node:sqlite";

/** One transaction of an instance, on its way to the store or in it. */
export type Transaction<Tag> = {
  readonly statements: readonly { readonly sql: string; readonly values: readonly SQLInputValue[] }[];
  /** Where it puts the alarm; absent: it stays where it stands. */
  readonly alarm?: number | null;
  /** What the state it writes was decided from: of no meaning to the store. */
  readonly tag: Tag;
};

/**
 * What is durable of one object: a log of transactions, and who may add to it. Whoever opens it takes the place of all
 * who opened it before; those go on with what they have read, and can confirm nothing any more.
 */
export class FencedStore<Tag> {
  readonly log: Transaction<Tag>[] = [];
  alarm: number | null = null;
  #holder = 0;
  readonly #onAlarm: () => void;

  /** @param onAlarm called whenever the alarm was put somewhere. */
  constructor(onAlarm: () => void) {
    this.#onAlarm = onAlarm;
  }

  open(): number {
    this.#holder += 1;
    return this.#holder;
  }

  /** Makes transactions durable, in their order. False: another instance has taken the place. */
  confirm(holder: number, transactions: readonly Transaction<Tag>[]): boolean {
    if (holder !== this.#holder) return false;
    for (const transaction of transactions) {
      this.log.push(transaction);
      if (transaction.alarm === undefined) continue;
      this.alarm = transaction.alarm;
      this.#onAlarm();
    }
    return true;
  }
}
