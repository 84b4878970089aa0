import type { SQLInputValue } from "node:sqlite";
import { isQuestion, ReusedDatabase } from "../support/reused-database.ts";
import type { FencedStore, Transaction } from "./fenced-store.ts";
import type { Actor, World } from "./world.ts";

/** How a sync ends that storage cannot confirm. */
class Unconfirmed extends Error {}

type Draft = { statements: Transaction<unknown>["statements"][number][]; alarm?: number | null };

/**
 * The storage of one instance: what it has read from the store when it began, and what it has written since. A write is
 * there at once for the instance itself and travels to the store by and by; `sync` waits for that. On its way it can be
 * lost, with the instance; arrive, and the word of it be lost; or come from an instance that was superseded.
 */
export class Replica<Tag> {
  readonly #world: World;
  readonly #store: FencedStore<Tag>;
  readonly #holder: number;
  readonly #by: Actor;
  readonly #tagNow: () => Tag;
  readonly #database: ReusedDatabase;
  #tagWritten: Tag;
  #draft: Draft | null = null;
  readonly #written: Transaction<Tag>[] = [];
  #sent = 0;
  #confirmed = 0;
  #failed = false;
  readonly #waiting: {
    readonly through: number;
    readonly resolve: () => void;
    readonly reject: (why: Error) => void;
  }[] = [];
  /** The next write fails, as on a broken disk. */
  breaks = false;
  /** What the store sends back takes so long, in milliseconds. */
  readonly #delay: () => number;

  constructor(
    world: World,
    store: FencedStore<Tag>,
    by: Actor,
    options: {
      readonly isProvisioned: boolean;
      readonly tag: Tag;
      readonly tagNow: () => Tag;
      readonly delay: () => number;
    },
  ) {
    this.#world = world;
    this.#store = store;
    this.#by = by;
    this.#tagNow = options.tagNow;
    this.#tagWritten = options.tag;
    this.#delay = options.delay;
    this.#holder = store.open();
    this.#database = ReusedDatabase.take(options.isProvisioned);
    for (const { statements } of store.log) for (const { sql, values } of statements) this.#database.run(sql, values);
  }

  readonly sql = {
    exec: (sql: string, ...values: SQLInputValue[]) => {
      if (isQuestion(sql)) return this.#database.exec(sql, ...values);
      if (this.breaks) {
        this.breaks = false;
        throw new Unconfirmed("a write failed");
      }
      this.#database.run(sql, values);
      if (this.#draft !== null) this.#draft.statements.push({ sql, values });
      else this.#write({ statements: [{ sql, values }] });
      return undefined;
    },
  };

  transactionSync<T>(write: () => T): T {
    const draft: Draft = (this.#draft = { statements: [] });
    try {
      const result = this.#database.atomically(write);
      this.#write(draft);
      return result;
    } finally {
      this.#draft = null;
    }
  }

  setAlarm = async (at: number): Promise<void> => this.#arm(at);
  deleteAlarm = async (): Promise<void> => this.#arm(null);

  sync = (): Promise<void> =>
    new Promise((resolve, reject) => {
      if (this.#failed) return reject(new Unconfirmed("superseded"));
      if (this.#confirmed === this.#written.length) return resolve();
      this.#waiting.push({ through: this.#written.length, resolve, reject });
    });

  close(): void {
    this.#database.give();
  }

  #arm(alarm: number | null): void {
    if (this.#draft !== null) this.#draft.alarm = alarm;
    else this.#write({ statements: [], alarm });
  }

  #write(draft: Draft): void {
    // An alarm that is set by itself brings no state along.
    if (draft.statements.length > 0) this.#tagWritten = this.#tagNow();
    this.#written.push({ ...draft, tag: this.#tagWritten });
    const through = this.#written.length;
    // It goes on by itself, whatever becomes of the one who wrote.
    this.#world.in(this.#delay(), null, () => this.#send(through));
  }

  #send(through: number): void {
    if (through <= this.#sent) return;
    const isOurs = this.#store.confirm(this.#holder, this.#written.slice(this.#sent, through));
    if (isOurs) this.#sent = through;
    // Whoever was superseded hears of it, or hears nothing.
    else if (this.#world.roll.onceIn(2)) return;
    this.#world.in(this.#delay(), this.#by, () => (isOurs ? this.#confirm(through) : this.#fail()));
  }

  #confirm(through: number): void {
    this.#confirmed = Math.max(this.#confirmed, through);
    while (this.#waiting.length > 0 && this.#waiting[0]!.through <= this.#confirmed) this.#waiting.shift()!.resolve();
  }

  #fail(): void {
    this.#failed = true;
    for (const { reject } of this.#waiting.splice(0)) reject(new Unconfirmed("superseded"));
  }
}
