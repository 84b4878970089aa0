import { chained, GENESIS, type ChainedEvent, type EventHash, type Head } from "../key/chain.ts";
import type { KeyEvent } from "../key/event.ts";
import type { Key, Profile, RetiredSecret, Standing } from "../key/key.ts";
import type { KeyId } from "../key/credential.ts";
import { NO_RECEIPTS, type Receipt, type Receipts, type Repeat } from "../key/receipt.ts";
import type { Reservation, ReservationId, Reservations } from "../key/reservation.ts";
import type { Client, Clients } from "../key/client.ts";
import type { RefusalCount, RefusalCounts } from "../key/refusal-count.ts";
import type { EpochMs } from "../key/time.ts";
import type { HourUse } from "../key/usage.ts";
import type { Vacancy } from "../key/vacancy.ts";
import { nextDue, type Agenda, type Task, type TaskName } from "./agenda.ts";
import { packUse, unpackUse, type PackedUse } from "./pack-use.ts";
import { migrate, schemaVersionOf, SCHEMA_VERSION } from "./book-schema.ts";

/** All that an object keeps, apart from its events. Replaced whole; a part that is the same object is not written again. */
export type Page = {
  /** `null`: no key stands here, not yet or not any more, and `vacancy` says what is known of the id. */
  readonly key: Key | null;
  readonly vacancy: Vacancy | null;
  /** How often the object has woken and written. The first half of every decision number. */
  readonly boot: number;
  /** The ledger has every event up to this sequence. */
  readonly delivered: number;
  /** Of which ledger that is true: see the setting LEDGER_EPOCH. `null`: of one from before epochs. */
  readonly epoch: string | null;
  /** The ledger has every hour of use that is over, up to the one that began then; `null`: none. */
  readonly hoursDelivered: EpochMs | null;
  /** Refusals of minutes that are not over yet. */
  readonly refusals: RefusalCounts;
  readonly clients: Clients;
  readonly agenda: Agenda;
};

/** The state of an id under which nothing was ever provisioned. */
export const NOTHING: Page = {
  key: null,
  vacancy: null,
  boot: 0,
  delivered: 0,
  epoch: null,
  hoursDelivered: null,
  refusals: new Map(),
  clients: new Map(),
  agenda: new Map(),
};

/**
 * The SQLite rows of one key. Reads everything once when the object wakes, afterwards only writes.
 *
 * Alone in `src/` this file knows how a key is laid out in storage.
 */
export class Book {
  #storage: DurableObjectStorage;
  #schema: number;
  /** What storage holds. */
  #written: Page | null = null;
  /** Where the object's alarm is known to stand; `null`: there is none, as far as this instance knows. */
  #armedFor: EpochMs | null = null;
  /** How far the chain of events goes in storage. */
  #head: Head = { sequence: 0, hash: GENESIS };

  constructor(storage: DurableObjectStorage) {
    this.#storage = storage;
    this.#schema = schemaVersionOf(storage.sql);
    if (this.#schema !== 0 && this.#schema !== SCHEMA_VERSION) {
      storage.transactionSync(() => migrate(storage.sql, this.#schema));
      this.#schema = SCHEMA_VERSION;
    }
    if (this.#schema === 0) return;
    this.#written = this.#read();
    this.#head = this.#readHead();
  }

  /** What storage holds; `null` for an id under which nothing was ever provisioned. */
  get written(): Page | null {
    return this.#written;
  }

  /**
   * The next event goes on behind this one, which the ledger knows and storage does not: an earlier storage was restored.
   * Call within the step that makes that event, and with nothing under way.
   */
  goOnBehind(head: Head): void {
    this.#head = head;
  }

  /** How far the chain of events goes, as storage has it. It outlives the rows it was made of. */
  get head(): Head {
    return this.#head;
  }

  /**
   * Writes what differs from storage, the new events and the hours that are over, in one transaction. The caller awaits
   * `storage.sync()`.
   */
  write(page: Page, events: readonly KeyEvent[], hours: readonly HourUse[]): void {
    // An ordinary admission replaces `use` and nothing else: one statement is a transaction by itself.
    if (events.length === 0 && hours.length === 0 && page.key !== null && this.#differsInUseAlone(page.key, page)) {
      this.#putUse(page.key, page.boot);
    } else {
      this.#storage.transactionSync(() => this.#writeRows(page, events, hours));
    }
    this.#schema = SCHEMA_VERSION;
    this.#written = page;
  }

  /** The alarm has rung, so none stands any more. */
  alarmRang(): void {
    this.#armedFor = null;
  }

  /** Sets the alarm to what is on the agenda, if it does not stand there already. */
  arm(): void {
    this.#armFor(this.#written && nextDue(this.#written.agenda));
  }

  /** Events with a sequence above `after`, oldest first, at most `limit` and, but for the first, at most so many bytes. */
  eventsAfter(after: number, limit: number, bytes: number): ChainedEvent[] {
    const rows = this.#sql.exec<Row & { hash: EventHash; bytes: number }>(
      "SELECT json, hash, octet_length(json) AS bytes FROM event WHERE sequence > ? ORDER BY sequence LIMIT ?",
      after,
      limit,
    );
    const events: ChainedEvent[] = [];
    let left = bytes;
    // Row by row: what does not fit is not read.
    for (const row of rows) {
      left -= row.bytes;
      if (left < 0 && events.length > 0) break;
      events.push({ ...(JSON.parse(row.json) as KeyEvent), hash: row.hash });
    }
    return events;
  }

  /**
   * Deletes events up to an instant and up to a sequence, but never the newest of all: the chain goes on from it.
   * Answers the instant of the oldest one that is left and may be deleted some day; `null`: there is none.
   */
  pruneEvents(until: EpochMs, upTo: number): EpochMs | null {
    const through = Math.min(upTo, this.#head.sequence - 1);
    this.#sql.exec("DELETE FROM event WHERE sequence <= ? AND json ->> '$.at' <= ?", through, until);
    const left = this.#sql
      .exec<{ at: EpochMs }>(
        "SELECT json ->> '$.at' AS at FROM event WHERE sequence < ? ORDER BY sequence LIMIT 1",
        this.#head.sequence,
      )
      .toArray();
    return left[0]?.at ?? null;
  }

  /** The hashes of those events alone. */
  headsAfter(after: number, limit: number): Head[] {
    return this.#sql
      .exec<Head>("SELECT sequence, hash FROM event WHERE sequence > ? ORDER BY sequence LIMIT ?", after, limit)
      .toArray();
  }

  /** Hours of use that are over and began after `after`, oldest first, at most `limit`. */
  hoursAfter(after: EpochMs | null, limit: number): HourUse[] {
    const rows = this.#sql.exec<Row>(
      "SELECT json FROM hour WHERE start > ? ORDER BY start LIMIT ?",
      after ?? -1,
      limit,
    );
    return rows.toArray().map(({ json }) => JSON.parse(json) as HourUse);
  }

  /** Events with a sequence below `before`, newest first, at most `limit`. */
  eventsBefore(before: number | null, limit: number): KeyEvent[] {
    const rows = this.#sql.exec<Row>(
      "SELECT json FROM event WHERE sequence < ? ORDER BY sequence DESC LIMIT ?",
      before ?? Number.MAX_SAFE_INTEGER,
      limit,
    );
    return rows.toArray().map(({ json }) => JSON.parse(json) as KeyEvent);
  }

  get #sql(): SqlStorage {
    return this.#storage.sql;
  }

  #writeRows(page: Page, events: readonly KeyEvent[], hours: readonly HourUse[]): void {
    const { key, vacancy, boot, delivered, epoch, hoursDelivered, refusals, clients, agenda } = page;
    const was = this.#written;
    migrate(this.#sql, this.#schema);
    if (key !== null) this.#writeKey(key, boot, was);
    else if (was !== null && was.key !== null) this.#forgetKey();
    if (vacancy !== (was?.vacancy ?? null)) this.#put("vacancy", vacancy);
    if (delivered !== was?.delivered || epoch !== was.epoch || hoursDelivered !== was.hoursDelivered) {
      this.#put("delivery", { delivered, epoch, hoursDelivered });
    }
    if (refusals !== (was?.refusals ?? refusals)) this.#put("refusals", [...refusals]);
    if (clients !== (was?.clients ?? clients)) this.#put("clients", [...clients.values()]);
    for (const hour of hours) {
      this.#sql.exec("INSERT OR REPLACE INTO hour (start, json) VALUES (?, ?)", hour.start, JSON.stringify(hour));
    }
    const keyId = key?.profile.id ?? (vacancy?.kind === "purged" ? vacancy.keyId : null);
    if (keyId !== null) this.#writeEvents(keyId, events);
    if (agenda !== was?.agenda) this.#writeAgenda(agenda, was?.agenda ?? new Map());
  }

  /** In the transaction in which the change is written: no event is ever without its place in the chain. */
  #writeEvents(keyId: KeyId, events: readonly KeyEvent[]): void {
    for (const { hash, ...event } of chained(keyId, this.#head.hash, events)) {
      const { sequence } = event;
      this.#sql.exec(
        "INSERT INTO event (sequence, json, hash) VALUES (?, ?, ?)",
        sequence,
        JSON.stringify(event),
        hash,
      );
      this.#head = { sequence, hash };
    }
  }

  /** Whether an admission, or several, are all that happened: then one statement is the whole write. */
  #differsInUseAlone(
    key: Key,
    { vacancy, delivered, epoch, hoursDelivered, refusals, clients, agenda }: Page,
  ): boolean {
    const was = this.#written;
    return (
      was !== null &&
      was.key !== null &&
      key.profile === was.key.profile &&
      key.standing === was.key.standing &&
      key.receipts === was.key.receipts &&
      key.reservations === was.key.reservations &&
      vacancy === was.vacancy &&
      delivered === was.delivered &&
      epoch === was.epoch &&
      hoursDelivered === was.hoursDelivered &&
      refusals === was.refusals &&
      clients === was.clients &&
      agenda === was.agenda
    );
  }

  #putUse(key: Key, boot: number): void {
    this.#put("use", { ...packUse(key.use), boot });
  }

  #writeKey(key: Key, boot: number, was: Page | null): void {
    if (key.use !== was?.key?.use || boot !== was.boot) this.#putUse(key, boot);
    if (key.profile !== was?.key?.profile) this.#put("profile", key.profile);
    if (key.standing !== was?.key?.standing) {
      const { retired, ...standing } = key.standing;
      this.#put("standing", standing);
      this.#writeRetired(retired, was?.key?.standing.retired ?? []);
    }
    if (key.receipts !== was?.key?.receipts) this.#writeReceipts(key.receipts, was?.key?.receipts ?? NO_RECEIPTS);
    const reservations = was?.key?.reservations ?? NO_RESERVATIONS;
    if (key.reservations !== reservations) this.#writeReservations(key.reservations, reservations);
  }

  /** Removes the key and all that is personal. What must stay is in the vacancy that takes its place. */
  #forgetKey(): void {
    this.#sql.exec("DELETE FROM part WHERE name IN ('use', 'profile', 'standing', 'repeat', 'refusals', 'clients')");
    this.#sql.exec("DELETE FROM retired_secret");
    this.#sql.exec("DELETE FROM receipt");
    this.#sql.exec("DELETE FROM reservation");
    this.#sql.exec("DELETE FROM event");
    this.#sql.exec("DELETE FROM hour");
    // What the chain hung on is gone with it: the event that tells of the purge begins a chain of its own.
    this.#head = { sequence: this.#head.sequence, hash: GENESIS };
  }

  #put(name: string, part: object | null): void {
    this.#sql.exec(
      "INSERT INTO part (name, json) VALUES (?, ?) ON CONFLICT (name) DO UPDATE SET json = excluded.json",
      name,
      JSON.stringify(part),
    );
  }

  #writeRetired(retired: readonly RetiredSecret[], was: readonly RetiredSecret[]): void {
    if (retired === was) return;
    const unchanged = new Set(was);
    for (const secret of retired) {
      if (unchanged.has(secret)) continue;
      const { version, digest, validUntil } = secret;
      this.#sql.exec("INSERT OR REPLACE INTO retired_secret VALUES (?, ?, ?)", version, digest, validUntil);
    }
    const oldest = retired.at(-1)?.version;
    if (oldest !== undefined) this.#sql.exec("DELETE FROM retired_secret WHERE version < ?", oldest);
  }

  #writeReceipts(receipts: Receipts, was: Receipts): void {
    if (receipts.repeat !== was.repeat) this.#put("repeat", receipts.repeat);
    if (receipts.seen === was.seen) return;
    const kept = new Set(receipts.seen);
    for (const receipt of was.seen) {
      if (!kept.has(receipt)) this.#sql.exec("DELETE FROM receipt WHERE header = ?", receipt.header);
    }
    const known = new Set(was.seen);
    for (const receipt of receipts.seen) {
      if (known.has(receipt)) continue;
      const { header, request, at, version } = receipt;
      this.#sql.exec("INSERT INTO receipt VALUES (?, ?, ?, ?)", header, request, at, version);
    }
  }

  #writeReservations(reservations: Reservations, was: Reservations): void {
    for (const reservation of reservations.values()) {
      if (was.get(reservation.id) === reservation) continue;
      this.#sql.exec(
        "INSERT INTO reservation VALUES (?, ?, ?) ON CONFLICT (id) DO UPDATE SET at = excluded.at, json = excluded.json",
        reservation.id,
        reservation.closed?.at ?? reservation.openedAt,
        JSON.stringify(reservation),
      );
    }
    for (const id of was.keys()) {
      if (!reservations.has(id)) this.#sql.exec("DELETE FROM reservation WHERE id = ?", id);
    }
  }

  #writeAgenda(agenda: Agenda, was: Agenda): void {
    for (const [name, task] of agenda) {
      if (was.get(name) === task) continue;
      this.#sql.exec("INSERT OR REPLACE INTO agenda VALUES (?, ?, ?)", name, task.dueAt, task.attempts);
    }
    for (const name of was.keys()) if (!agenda.has(name)) this.#sql.exec("DELETE FROM agenda WHERE task = ?", name);

    // Inside the transaction: the alarm stands where the agenda says. Its promise settles with the sync.
    this.#armFor(nextDue(agenda));
  }

  #armFor(due: EpochMs | null): void {
    if (due === this.#armedFor) return;
    if (due === null) void this.#storage.deleteAlarm();
    else void this.#storage.setAlarm(due);
    this.#armedFor = due;
  }

  #readHead(): Head {
    const newest = this.#sql.exec<Head>("SELECT sequence, hash FROM event ORDER BY sequence DESC LIMIT 1").toArray();
    return newest[0] ?? this.#head;
  }

  #read(): Page {
    const parts = new Map(
      this.#sql
        .exec<{ name: string; json: string }>("SELECT name, json FROM part")
        .toArray()
        .map(({ name, json }): [string, unknown] => [name, JSON.parse(json)]),
    );
    const retired = this.#sql
      .exec<{ version: number; digest: string; valid_until: number }>(
        "SELECT * FROM retired_secret ORDER BY version DESC",
      )
      .toArray()
      .map((row) => ({ version: row.version, digest: row.digest, validUntil: row.valid_until }) as RetiredSecret);
    const agenda = this.#sql
      .exec<{ task: TaskName; due_at: number; attempts: number }>("SELECT * FROM agenda")
      .toArray()
      .map(({ task, due_at, attempts }): [TaskName, Task] => [task, { dueAt: due_at, attempts } as Task]);

    const seen = this.#sql
      .exec<Receipt>("SELECT header, request, at, version FROM receipt ORDER BY at DESC, version DESC")
      .toArray();

    const page = {
      vacancy: (parts.get("vacancy") ?? null) as Vacancy | null,
      epoch: null,
      ...(parts.get("delivery") as Pick<Page, "delivered" | "hoursDelivered"> & Partial<Pick<Page, "epoch">>),
      refusals: new Map((parts.get("refusals") ?? []) as [string, RefusalCount][]),
      clients: new Map(((parts.get("clients") ?? []) as Client[]).map((client) => [client.ip, client])),
      agenda: new Map(agenda),
    };
    if (!parts.has("use")) return { ...page, key: null, boot: 0 };
    const { boot, ...use } = parts.get("use") as PackedUse & { boot: number };
    const reservations = this.#sql
      .exec<Row>("SELECT json FROM reservation ORDER BY at")
      .toArray()
      .map(({ json }) => JSON.parse(json) as Reservation)
      .map((reservation): [ReservationId, Reservation] => [reservation.id, reservation]);
    const standing = parts.get("standing") as Omit<Standing, "retired">;
    return {
      ...page,
      boot,
      key: {
        profile: parts.get("profile") as Profile,
        standing: { ...standing, retired },
        use: unpackUse(use),
        reservations: new Map(reservations),
        receipts: { seen, repeat: (parts.get("repeat") ?? null) as Repeat | null },
      },
    };
  }
}

type Row = { json: string };

const NO_RESERVATIONS: Reservations = new Map();
