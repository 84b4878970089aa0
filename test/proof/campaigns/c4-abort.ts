import { setTimeout as pause } from "node:timers/promises";
import { ABORT_POINTS, NEXT_KEY, type AbortPoint } from "../../support/abort-points.ts";
import type { Rekey } from "../../support/rekey.ts";
import { explains } from "../model/explains.ts";
import type { RotationRule } from "../model/call.ts";
import { step } from "../model/key.ts";
import { atATime } from "../support/at-a-time.ts";
import { deploy } from "../support/deployment.ts";
import { ask } from "../support/http.ts";
import { PATIENCE_MS } from "../support/ledger.ts";
import { aCreation, Contradiction, Subject, type Draft } from "../support/subject.ts";
import { addUp, type Campaign, type Findings } from "./campaign.ts";

const DAY = 24 * 60 * 60_000;
/** The key was used once already. */
const ISSUED_WITH_THE_NEXT: RotationRule = { afterUses: 2, afterMs: null, mode: "issue", graceMs: DAY };

/**
 * Each operation, and what the key has been through before it. `secret` stands for the newest one. `silent`: no event
 * comes of it, so the ledger is not told.
 */
const OPERATIONS: Readonly<
  Record<string, { readonly before?: readonly Draft[]; readonly call: Draft; readonly silent?: true }>
> = {
  use: { call: { do: "use", cost: 1 }, silent: true },
  "hold units": { call: { do: "hold", cost: 3 }, silent: true },
  settle: { before: [{ do: "hold", cost: 3 }], call: { do: "settle", used: 1 }, silent: true },
  "be handed a successor": {
    before: [{ do: "amend", change: { rotation: ISSUED_WITH_THE_NEXT } }],
    call: { do: "use", cost: 1 },
  },
  rotate: { call: { do: "rotate", graceMs: 0 } },
  "rotate with grace": { call: { do: "rotate", graceMs: DAY } },
  "rotate itself": { call: { do: "rotate-self" } },
  suspend: { call: { do: "suspend" } },
  resume: { before: [{ do: "suspend" }], call: { do: "resume" } },
  revoke: { call: { do: "revoke" } },
  "revoke itself": { call: { do: "revoke-self" } },
  amend: { call: { do: "amend", change: { quota: { limit: 7, period: "none" } } } },
  credit: { call: { do: "credit", add: 5 } },
  purge: { before: [{ do: "revoke" }], call: { do: "purge" } },
};

/** What an abort leaves behind: the step as a whole, nothing of it, or either of the two. */
const HAPPENED: Readonly<Record<AbortPoint, boolean | "either">> = {
  "before the write": false,
  "in the write": false,
  "after the write": "either",
  "after the sync": true,
  "by a write that fails": false,
  "by a sync that fails": "either",
  "before the delivery": true,
  "after the delivery": true,
  "in the alarm": true,
};

/** What only comes to pass when the ledger is told, which an ordinary admission does not need. */
const OF_THE_LEDGER: readonly AbortPoint[] = ["before the delivery", "after the delivery", "in the alarm"];

const CELLS_AT_A_TIME = 8;

/**
 * The object is ended at every point of every operation, or ends itself because its storage fails. Afterwards the key is
 * in one of two states, the one before the call or the one after it, whole; a call that may be repeated is, and is carried
 * out once; and the ledger has every event once. Where the ledger does not answer at first, the same is done to the alarm
 * that tells it later.
 */
export const C4: Campaign = {
  name: "C4",
  title: "aborts at every point of every operation",
  short: 1,
  full: 2,
  unit: "rounds of all cells",
  async run(size, _seed, progress) {
    await using rekey = await deploy({ faultyLedger: true });
    let counts: Findings["counts"] = {};
    const violations: string[] = [];
    for (let round = 1; round <= size && violations.length === 0; round++) {
      const cells: Findings[] = [];
      // One creation at a time: until it is there, a key cannot be told from any other that is new.
      for (const point of ABORT_POINTS.slice(0, -1)) cells.push(await creation(rekey, point));
      const all = Object.keys(OPERATIONS).flatMap((name) => ABORT_POINTS.map((point) => ({ name, point })));
      const direct = all.filter(
        ({ name, point }) => point !== "in the alarm" && !(OPERATIONS[name]!.silent && OF_THE_LEDGER.includes(point)),
      );
      cells.push(...(await atATime(CELLS_AT_A_TIME, direct, ({ name, point }) => cell(rekey, name, point))));
      if (cells.some((each) => each.violations.length > 0)) {
        violations.push(...cells.flatMap((each) => each.violations));
        break;
      }
      const later = all.filter(({ name, point }) => OF_THE_LEDGER.includes(point) && !OPERATIONS[name]!.silent);
      cells.push(...(await inAlarms(rekey, later)));
      counts = addUp([counts, ...cells.map((each) => each.counts)]);
      violations.push(...cells.flatMap((each) => each.violations));
      progress(round);
    }
    return { counts, violations };
  },
};

/** Arms a point; says which stood armed before. `undefined`: only asks. */
async function arm(rekey: Rekey, key: string, point?: AbortPoint | null): Promise<AbortPoint | null> {
  const body = point === undefined ? { key } : { key, point };
  const response = await ask(`${rekey.url}/_abort-point`, { method: "POST", headers: {}, body });
  return (JSON.parse(response!.body) as { before: AbortPoint | null }).before;
}

/** Waits until an armed point was met. */
async function met(rekey: Rekey, key: string): Promise<void> {
  for (const until = Date.now() + PATIENCE_MS; (await arm(rekey, key)) !== null; await pause(20)) {
    if (Date.now() > until) throw new Contradiction("the point was not met");
  }
}

/** Waits until the object has written down that the ledger knows everything: it writes nothing more by itself. */
async function atRest(rekey: Rekey, { id }: Subject): Promise<void> {
  for (const until = Date.now() + PATIENCE_MS; ; await pause(10)) {
    const [row] = await rekey.objectSql(
      id,
      "SELECT json ->> 'delivered' AS delivered, (SELECT max(sequence) FROM event) AS last FROM part WHERE name = 'delivery'",
    );
    if (row !== undefined && row["delivered"] === row["last"]) return;
    if (Date.now() > until) throw new Contradiction("the ledger was never told");
  }
}

async function creation(rekey: Rekey, point: AbortPoint): Promise<Findings> {
  return judged(`create, aborted ${point}`, async () => {
    const subject = new Subject(rekey);
    const call = aCreation(`a-creation-${point.replaceAll(" ", "-")}-${crypto.randomUUID()}`);
    await arm(rekey, NEXT_KEY, point);
    const answer = await subject.make(call);
    await met(rekey, NEXT_KEY);
    if (answer !== null && !OF_THE_LEDGER.includes(point)) {
      throw new Contradiction(`heard ${answer.code} of an object that had ended`);
    }
    // Created once, whichever of the two attempts it was.
    await subject.create(call);
    await subject.hear({ do: "use", secret: subject.secret, cost: 1 });
    await subject.hear({ do: "read" });
    return subject;
  });
}

async function cell(rekey: Rekey, name: string, point: AbortPoint): Promise<Findings> {
  return judged(`${name}, aborted ${point}`, async () => {
    const { before = [], call: draft } = OPERATIONS[name]!;
    const subject = new Subject(rekey);
    await subject.create();
    await subject.hear({ do: "use", secret: subject.secret, cost: 1 });
    for (const each of before) await subject.hear(subject.call(each));

    const call = subject.call(draft, `a-cell-${crypto.randomUUID()}`);
    const [unchanged, former] = [subject.state, subject.secret];
    await atRest(rekey, subject);
    await arm(rekey, subject.id, point);
    const answer = await subject.make(call);
    await met(rekey, subject.id);
    // An answer waits for the ledger only so long.
    if (answer !== null && !OF_THE_LEDGER.includes(point)) {
      throw new Contradiction(`heard ${answer.code} of an object that had ended`);
    }

    if (answer !== null) {
      await subject.hear({ do: "read" });
      return subject;
    }

    // Nobody heard of a new secret, so the model gives it a name that nobody can present.
    const changed = step(unchanged, "mints" in call ? { ...call, mints: "never heard" } : call, 0).state;
    const read = await subject.look();
    const fits = [unchanged, changed].filter((state) => explains(step(state, { do: "read" }, 0).answer, read));
    const expected = HAPPENED[point] === "either" ? [unchanged, changed] : [HAPPENED[point] ? changed : unchanged];
    if (fits.length !== 1 || !expected.includes(fits[0]!)) {
      throw new Contradiction(`afterwards the key is ${JSON.stringify(read)}`);
    }
    subject.state = fits[0]!;

    // The former secret must be as dead or alive as the state says.
    await subject.hear({ do: "use", secret: former, cost: 1, dry: true });
    if ("mints" in call) {
      // Asked for again, it is carried out now, or heard now: to its caller that is the same.
      subject.state = unchanged;
      await subject.hear(call);
      await subject.hear({ do: "use", secret: subject.secret, cost: 1 });
    } else if (call.do !== "use" && call.do !== "credit") await subject.hear(call);
    await subject.hear({ do: "read" });
    return subject;
  });
}

/** The ledger fails while the operations are carried out; then it is back, and each alarm that tells it ends once. */
async function inAlarms(rekey: Rekey, cells: readonly { readonly name: string; readonly point: AbortPoint }[]) {
  const subjects = await atATime(CELLS_AT_A_TIME, cells, async ({ name, point }) => {
    const { before = [] } = OPERATIONS[name]!;
    const subject = new Subject(rekey);
    await subject.create();
    for (const each of before) await subject.hear(subject.call(each));
    return { name, point, subject };
  });
  await rekey.ledgerFault("fail");
  const prepared = await atATime(CELLS_AT_A_TIME, subjects, ({ name, point, subject }) =>
    judged(`${name}, with the ledger down`, async () => {
      await subject.hear(subject.call(OPERATIONS[name]!.call));
      // With the ledger down the key is as alive, or as dead, as with it.
      await subject.hear({ do: "use", secret: subject.secret, cost: 1 });
      await arm(rekey, subject.id, point);
      return null;
    }),
  );
  await rekey.ledgerFault("pass");
  const aborted = subjects.map(({ name, point, subject }) =>
    judged(`${name}, its alarm aborted ${point}`, async () => {
      await met(rekey, subject.id);
      return subject;
    }),
  );
  return [...prepared.filter(({ violations }) => violations.length > 0), ...(await Promise.all(aborted))];
}

/** @param run gives the key of which the ledger must know everything in the end; `null`: not yet. */
async function judged(name: string, run: () => Promise<Subject | null>): Promise<Findings> {
  try {
    const subject = await run();
    const fault = subject === null ? null : await subject.ledgerFault();
    return { counts: { cells: 1 }, violations: fault === null ? [] : [`${name}: ${fault}`] };
  } catch (cause) {
    if (!(cause instanceof Contradiction)) throw cause;
    return { counts: { cells: 1 }, violations: [`${name}: ${cause.message}`] };
  }
}
