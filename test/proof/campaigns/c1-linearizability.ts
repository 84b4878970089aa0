import { writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { dice, type Dice } from "../../support/dice.ts";
import type { Rekey } from "../../support/rekey.ts";
import { mayBeRemembered, type History, type Operation } from "../history/operation.ts";
import { Recorder } from "../history/recorder.ts";
import { replay } from "../history/replay.ts";
import { search } from "../history/search.ts";
import { ABSENT, step } from "../model/key.ts";
import { make } from "../support/caller.ts";
import { issuedBy, Knowledge, nextCall, someRules } from "../support/client.ts";
import { deploy } from "../support/deployment.ts";
import { startOrigin } from "../support/origin.ts";
import { Secrets } from "../support/secrets.ts";
import { addUp, type Campaign, type Findings } from "./campaign.ts";

const KEYS_AT_A_TIME = 3;
const CLIENTS_A_KEY = 16;
const OPERATIONS_A_KEY = 1_000;
/** The second checker is slower: it sees one history in so many. */
const SEARCHED_ONE_IN = 4;

/**
 * Many clients on the same keys at once, through edges that share nothing but the keys' objects: two isolates of one
 * process and a process of its own. Afterwards each key's history must have an order that explains every answer.
 */
export const C1: Campaign = {
  name: "C1",
  title: "linearizability over HTTP, from several edges",
  short: 20_000,
  full: 400_000,
  unit: "operations",
  async run(size, seed, progress) {
    await using origin = await startOrigin();
    await using rekey = await deploy({ edges: 2, origin: origin.url });
    await rekey.addProcess();
    const roll = dice(seed);
    let counts: Findings["counts"] = { operations: 0 };
    const violations: string[] = [];
    let begun = 0;

    const keyAfterKey = async () => {
      while (counts["operations"]! < size && violations.length === 0) {
        const searched = begun++ % SEARCHED_ONE_IN === 0;
        const findings = await oneKey(rekey, dice(roll.below(2 ** 31)), searched);
        counts = addUp([counts, findings.counts]);
        violations.push(...findings.violations);
        progress(counts["operations"]!);
      }
    };
    await Promise.all(Array.from({ length: KEYS_AT_A_TIME }, keyAfterKey));
    return { counts: { ...counts, doors: rekey.urls.length }, violations };
  },
};

async function oneKey(rekey: Rekey, roll: Dice, searched: boolean): Promise<Findings> {
  const recorder = new Recorder();
  const secrets = new Secrets();
  const known = new Knowledge();
  const route = () => ({ door: roll.pick(rekey.urls), adminToken: rekey.adminToken, secrets });

  const rules = someRules(roll);
  const created = await make("", { do: "create", rules, mints: "", header: null }, route());
  if (created === null) throw new Error("no key could be created");
  known.hear(created.answer);
  const id = secrets.idOf(known.secret);
  recorder.open(id, step(ABSENT, { do: "create", rules, mints: known.secret, header: null }, 0).state);

  let left = OPERATIONS_A_KEY;
  let leftOnceRevoked = 50;
  const client = async (_: unknown, number: number) => {
    while (left > 0 && leftOnceRevoked > 0) {
      left -= 1;
      if (known.lastHeard === "key-revoked") leftOnceRevoked -= 1;
      const call = nextCall(roll, known, "");
      const by = roll.pick(["gateway", "verify"]);
      const heard = await recorder.record(id, number, call, () => make(id, call, { ...route(), by }));
      if (heard !== null) known.hear(heard.answer);
    }
  };
  await Promise.all(Array.from({ length: CLIENTS_A_KEY }, client));

  const [history] = recorder.histories;
  return check(history!, searched);
}

function check(history: History, searched: boolean): Findings {
  const late = lateAdmissions(history);
  const violations = late.map(({ calledAt }) => `${history.key}: an old secret was admitted, called at ${calledAt}`);
  const unexplained = replay(history);
  if (unexplained !== null) violations.push(unexplained);
  // What cannot be replayed needs no second opinion.
  // Nor has what a Worker remembered a place in an order of decisions: the replay has judged it.
  const decided = { ...history, operations: history.operations.filter((each) => !mayBeRemembered(each)) };
  const found = searched && violations.length === 0 ? search(decided) : null;
  // The replay has found one: one of the two is wrong, and only the history can tell which.
  if (found === "no") violations.push(`${history.key}: the search finds no order, see ${keep(history)}`);
  const { operations } = history;
  const heard = (code: string) => operations.filter(({ answer }) => answer?.code === code).length;
  return {
    counts: {
      operations: operations.length,
      keys: 1,
      "histories searched": found === null ? 0 : 1,
      "searches given up": found === "given up" ? 1 : 0,
      admissions: heard("valid"),
      rotations: heard("rotated"),
      "successors handed out": operations.filter(({ call, answer }) => call.do === "use" && answer?.["secret"]).length,
      "reservations settled": heard("settled"),
      "lost races of rotations": heard("version-conflict"),
      "old secrets refused": heard("key-rotated"),
      "unknown outcomes": operations.filter(({ answer }) => answer === null).length,
      "late admissions of an old secret": late.length,
    },
    violations,
  };
}

/** Writes a history where somebody can read it, and says where. What the clients did meets no second time. */
function keep(history: History): string {
  const path = join(tmpdir(), `rekey-history-${history.key}.json`);
  writeFileSync(path, JSON.stringify(history));
  return path;
}

/** The first promise in its own words, without any model: uses of an old secret that began after its rotation returned. */
function lateAdmissions({ operations }: History): readonly Operation[] {
  const deadSince = new Map<string, number>();
  for (const { call, answer, returnedAt } of operations) {
    if (call.do !== "rotate" || call.graceMs > 0 || answer?.code !== "rotated") continue;
    for (const other of operations) {
      // Every secret of an earlier version than the one that this rotation installed.
      const older = other.answer && issuedBy(other.answer);
      if (older === null || older.version >= (answer["version"] as number)) continue;
      deadSince.set(older.secret, Math.min(deadSince.get(older.secret) ?? Infinity, returnedAt));
    }
  }
  return operations.filter(({ call, answer, calledAt }) => {
    if (call.do !== "use" || answer?.code !== "valid") return false;
    return calledAt > (deadSince.get(call.secret) ?? Infinity);
  });
}
