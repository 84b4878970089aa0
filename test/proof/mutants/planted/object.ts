import type { Mutant } from "../mutant.ts";

const OBJECT = "src/key-object/key-object.ts";
const STATE = "src/key-object/state.ts";
const ADMIT = "const answer = this.#step(key, (now) => this.#admit(key, admission, now));";
const EFFECTS = "src/key-object/effects.ts";

/** Bugs in the object around the core, and on the way to the ledger. */
export const IN_THE_OBJECT: readonly Mutant[] = [
  {
    bug: "check, then use: something is awaited between the look at a key and its replacement",
    breaks: "P4",
    file: OBJECT,
    edits: [
      {
        from: ADMIT,
        to: `await scheduler.wait(1); ${ADMIT}`,
      },
    ],
    catcher: { campaign: "C2", size: 3 },
  },
  {
    bug: "the use is written down a little later, over whatever happened meanwhile",
    breaks: "P3",
    file: OBJECT,
    edits: [
      {
        from: ADMIT,
        to: `${ADMIT}
          const seen = this.#state.page;
          this.ctx.waitUntil(scheduler.wait(5).then(() => { this.#state.commit(seen); }));`,
      },
    ],
    catcher: { campaign: "C1", size: 1_000 },
  },
  {
    bug: "an admission is counted in memory only",
    breaks: "P4",
    file: STATE,
    edits: [
      { from: "this.#decided += 1; } /** Moves on", to: "if (events.length > 0) this.#decided += 1; } /** Moves on" },
    ],
    catcher: { campaign: "C3", size: 2 },
  },
  {
    bug: "an answer leaves before its state is durable",
    breaks: "P11",
    file: STATE,
    edits: [
      {
        from: "await this.settled(); return { ...answer, decision };",
        to: "this.follow(); return { ...answer, decision };",
      },
    ],
    catcher: { campaign: "C4", size: 1 },
  },
  {
    bug: "a write that fails is taken for one that is done",
    breaks: "P11",
    file: STATE,
    edits: [
      {
        from: `this.#ctx.abort("a write failed: the key in memory is ahead of its storage"); throw cause;`,
        to: "this.#durable = covers;",
      },
    ],
    catcher: { campaign: "C4", size: 1 },
  },
  {
    bug: "D1 is asked whether a key may be used",
    breaks: "P11",
    file: OBJECT,
    edits: [
      {
        from: ADMIT,
        to: `const row = await this.env.DB.prepare("SELECT status FROM keys WHERE id = ?").bind(key.profile.id).first();
          const present = this.#state.key!;
          const alive = { ...present, standing: { ...present.standing, revokedAt: null, suspendedAt: null } };
          const believed = row?.["status"] === "active" ? alive : present;
          const answer = this.#step(present, (now) => this.#admit(believed, admission, now));`,
      },
    ],
    catcher: { campaign: "C4", size: 1 },
  },
  {
    bug: "a spending call is repeated by hand",
    breaks: "P4",
    file: "src/http/ask-key.ts",
    edits: [
      {
        from: "inTime(question(key as unknown as KeyRpc),",
        to: `inTime(question(key as unknown as KeyRpc)
          .catch(() => question(env.KEYS.getByName(keyId) as unknown as KeyRpc)),`,
      },
    ],
    catcher: { campaign: "C4", size: 1 },
  },
  {
    bug: "events count as delivered before the ledger has them",
    breaks: "P12",
    file: "src/key-object/outbox.ts",
    edits: [
      {
        from: "await deliver(this.#db, news.delivery);",
        to: "this.#delivered(news.told); await deliver(this.#db, news.delivery);",
      },
    ],
    catcher: { project: "runtime", test: "test/runtime/delivery.test.ts" },
  },
  {
    bug: "a second delivery of the same event is an error",
    breaks: "P12",
    file: "src/ledger/events.ts",
    edits: [
      {
        from: `ON CONFLICT (key_id, sequence) DO UPDATE SET hash = excluded.hash, owner = excluded.owner
         WHERE events.hash IS NULL`,
        to: "",
      },
    ],
    catcher: { project: "runtime", test: "test/runtime/ledger.test.ts" },
  },
  {
    bug: "an older record replaces a newer one in the ledger",
    breaks: "P12",
    file: "src/ledger/keys.ts",
    edits: [{ from: "WHERE excluded.revision > keys.revision", to: "WHERE true" }],
    catcher: { project: "runtime", test: "test/runtime/ledger.test.ts" },
  },
  {
    bug: "what is open stays open when the owner of its key is suspended",
    breaks: "P14",
    file: EFFECTS,
    edits: [
      {
        from: "was.key?.standing !== next.key?.standing ||",
        to: "was.key?.standing.suspendedAt !== next.key?.standing.suspendedAt ||",
      },
    ],
    catcher: { campaign: "C14", size: 10 },
  },
  {
    bug: "what is open stays open when an alert suspends its key at a settlement",
    breaks: "P14",
    file: STATE,
    edits: [
      {
        from: "this.#carryOut(effects);",
        to: "if (this.key?.reservations.size === 0) this.#carryOut(effects);",
      },
    ],
    catcher: { project: "runtime", test: "test/runtime/exchange.test.ts" },
  },
];
