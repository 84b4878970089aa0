import type { Ask } from "../key-object/rpc.ts";
import { ADMIN, stopperOf } from "../key/authority.ts";
import type { KeyId } from "../key/credential.ts";
import type { OwnerOrder, OwnerStanding } from "../key/owner-order.ts";

const SCHEMA = `
  CREATE TABLE owner (
    id       INTEGER PRIMARY KEY CHECK (id = 1),
    name     TEXT    NOT NULL,
    standing TEXT    NOT NULL,     -- active | suspended | revoked
    revision INTEGER NOT NULL,     -- of the owner's last decision; 0: none yet
    ask      TEXT,                 -- who decided it, on what authority and why, as JSON
    searched INTEGER NOT NULL,     -- revision for which the ledger was searched for keys that were never entered
    told     INTEGER NOT NULL      -- revision that the ledger was told of
  ) STRICT;
  CREATE TABLE member (
    key_id       TEXT    PRIMARY KEY,
    acknowledged INTEGER NOT NULL, -- the owner's revision that the key's object has carried out
    forbidden    INTEGER NOT NULL  -- the revision that it refused, as beyond the authority of whoever decided; 0: none
  ) STRICT, WITHOUT ROWID;
  CREATE INDEX member_acknowledged ON member (acknowledged);
`;

/** An owner as its object keeps it. */
export type Roll = {
  readonly name: string;
  readonly order: OwnerOrder;
  readonly ask: Ask | null;
  readonly searched: number;
  readonly told: number;
};

/** The SQLite rows of one owner: its standing, and the roll of its keys. */
export class RollBook {
  readonly #storage: DurableObjectStorage;

  constructor(storage: DurableObjectStorage) {
    this.#storage = storage;
  }

  /** `null` for an owner that was never heard of. Only reads: asking must not bring an object into existence. */
  read(): Roll | null {
    const tables = this.#sql.exec("SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = 'owner'").toArray();
    if (tables.length === 0) return null;
    const row = this.#sql.exec<Row>("SELECT * FROM owner").one();
    const ask = row.ask === null ? null : (JSON.parse(row.ask) as Ask);
    // Whoever the decision is carried out for has made it: an operator's is never left to anybody else.
    const by = stopperOf(ask?.authority ?? ADMIN);
    return {
      name: row.name,
      order: { standing: row.standing as OwnerStanding, revision: row.revision, by },
      ask,
      searched: row.searched,
      told: row.told,
    };
  }

  write(roll: Roll): void {
    this.#storage.transactionSync(() => {
      if (this.read() === null) this.#sql.exec(SCHEMA);
      this.#sql.exec(
        "INSERT OR REPLACE INTO owner VALUES (1, ?, ?, ?, ?, ?, ?)",
        roll.name,
        roll.order.standing,
        roll.order.revision,
        roll.ask === null ? null : JSON.stringify(roll.ask),
        roll.searched,
        roll.told,
      );
    });
  }

  /** Enters keys that are not entered yet. `acknowledged`: the revision they are known to have met. */
  enter(keyIds: readonly KeyId[], acknowledged: number): void {
    this.#sql.exec(
      "INSERT INTO member SELECT value, ?, 0 FROM json_each(?) WHERE true ON CONFLICT (key_id) DO NOTHING",
      acknowledged,
      JSON.stringify(keyIds),
    );
  }

  acknowledge(keyIds: readonly KeyId[], revision: number): void {
    this.#sql.exec(
      "UPDATE member SET acknowledged = ? WHERE key_id IN (SELECT value FROM json_each(?)) AND acknowledged < ?",
      revision,
      JSON.stringify(keyIds),
      revision,
    );
  }

  /** Takes keys off the roll that were purged: nobody will ever have to ask them. */
  forget(keyIds: readonly KeyId[]): void {
    this.#sql.exec("DELETE FROM member WHERE key_id IN (SELECT value FROM json_each(?))", JSON.stringify(keyIds));
  }

  /** Marks keys that are beyond the authority of whoever decided: nobody asks them again on that authority. */
  forbid(keyIds: readonly KeyId[], revision: number): void {
    this.#sql.exec(
      "UPDATE member SET forbidden = ? WHERE key_id IN (SELECT value FROM json_each(?))",
      revision,
      JSON.stringify(keyIds),
    );
  }

  /** Forgets what was refused: somebody else decides now. */
  forgetForbidden(): void {
    this.#sql.exec("UPDATE member SET forbidden = 0 WHERE forbidden > 0");
  }

  /** Keys that neither acknowledged nor refused a revision, at most `limit`, from behind `after` on. */
  behind(revision: number, after: string, limit: number): KeyId[] {
    return this.#sql
      .exec<{ key_id: string }>(
        `SELECT key_id FROM member WHERE acknowledged < ?1 AND forbidden < ?1 AND key_id > ?2
         ORDER BY key_id LIMIT ?3`,
        revision,
        after,
        limit,
      )
      .toArray()
      .map(({ key_id }) => key_id as KeyId);
  }

  count(revision: number): Counts {
    return this.#sql
      .exec<Counts>(
        `SELECT count(*) AS keys, count(*) FILTER (WHERE acknowledged >= ?1) AS acknowledged,
                count(*) FILTER (WHERE acknowledged < ?1 AND forbidden >= ?1) AS forbidden
         FROM member`,
        revision,
      )
      .one();
  }

  get #sql(): SqlStorage {
    return this.#storage.sql;
  }
}

/** How many keys are entered, how many of them have acknowledged a revision, and how many have refused it. */
type Counts = { keys: number; acknowledged: number; forbidden: number };

type Row = {
  name: string;
  standing: string;
  revision: number;
  ask: string | null;
  searched: number;
  told: number;
};
