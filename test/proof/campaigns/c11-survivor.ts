import type { Dice } from "../../support/dice.ts";
import type { Rekey } from "../../support/rekey.ts";
import type { Answer, Call } from "../model/call.ts";
import type { Key } from "../model/key.ts";
import { make } from "../support/caller.ts";
import { faultOfLedger } from "../support/ledger.ts";
import { Contradiction, Subject, type Draft } from "../support/subject.ts";

const ROTATION: Draft = { do: "rotate", graceMs: 0 };

/** Mostly what must not come undone. */
const CHANGES: readonly Draft[] = [
  ROTATION,
  ROTATION,
  { do: "revoke" },
  { do: "suspend" },
  { do: "amend", change: { scopes: ["orders:read"] } },
  { do: "use", cost: 1 },
];

/** One key that lives through a restore, and what must be true of it then. */
export class Survivor {
  readonly counts = {
    keys: 1,
    "secrets that must stay dead": 0,
    "old secrets admitted before the walk": 0,
    "keys brought forward": 0,
  };
  readonly #rekey: Rekey;
  readonly #roll: Dice;
  readonly #subject: Subject;
  /** As the older copy has it, and as whoever forgot least has it. */
  #early: Key | null = null;
  #known: Key | null = null;

  constructor(rekey: Rekey, roll: Dice) {
    this.#rekey = rekey;
    this.#roll = roll;
    this.#subject = new Subject(rekey);
  }

  async begin(): Promise<void> {
    await this.#subject.create();
    if (this.#roll.onceIn(2)) await this.#hear(ROTATION);
    this.#early = this.#known = await this.#settled();
  }

  async change(): Promise<void> {
    for (let times = 1 + this.#roll.below(3); times > 0; times--) await this.#hear(this.#roll.pick(CHANGES));
    this.#known = await this.#settled();
    this.counts["secrets that must stay dead"] += this.#dead.length;
  }

  changeInVain = (): Promise<void> => this.#hear(this.#roll.pick(CHANGES));

  /** Only the ledger went back: every secret is judged as the model has it, all the time. */
  async isAsEver(): Promise<void> {
    for (const secret of this.#secrets) await this.#subject.hear({ do: "use", secret, cost: 1 });
  }

  /** The object went back, and nobody has told it yet: this is what the runbook warns of. */
  async remembers(): Promise<void> {
    for (const secret of this.#dead) {
      if ((await this.#ask({ do: "use", secret, cost: 0 })).code === "valid")
        this.counts["old secrets admitted before the walk"] += 1;
    }
  }

  /** The object went back and was told: never to more than it may do, and never to a version that was there. */
  async isBroughtForward(): Promise<void> {
    const known = this.#known!;
    const isBehind = known.revision > this.#early!.revision;
    if (isBehind) this.counts["keys brought forward"] += 1;
    await this.#demandDead("after the walk");
    const { code } = await this.#ask({ do: "use", secret: known.secret, cost: 0 });
    if (isBehind && code === "valid") throw this.#fault("a key that lost a change goes on as if it had none");
    if (!isBehind && !known.suspended && code !== "valid") throw this.#fault(`a key that lost nothing says ${code}`);

    const resumed = await this.#ask({ do: "resume" });
    await this.#demandDead("after it was resumed");
    const rotated = await this.#ask({ do: "rotate", graceMs: 0, expected: null, mints: "", header: null });
    await this.#demandDead("after it was rotated");
    if (known.revoked) {
      if (resumed.code !== "key-revoked" || rotated.code !== "key-revoked") throw this.#fault("a revoked key lives");
      return;
    }
    const admitted = await this.#ask({ do: "use", secret: rotated["secret"] as string, cost: 0 });
    if (admitted.code !== "valid") throw this.#fault(`the newest secret is told ${admitted.code}`);
    if (Number(admitted["version"]) <= known.version)
      throw this.#fault(`version ${String(admitted["version"])} is admitted, ${known.version} was there before`);
  }

  async isKnownToTheLedger(): Promise<void> {
    const heard = await this.#send({ do: "read" });
    const fault = await faultOfLedger(this.#rekey, this.#subject.id, heard?.revision ?? 0);
    if (fault !== null) throw new Contradiction(fault);
  }

  get #secrets(): readonly string[] {
    const { former, secret } = this.#known!;
    return [secret, ...former.map((each) => each.secret)];
  }

  get #dead(): readonly string[] {
    return this.#known!.revoked ? this.#secrets : this.#secrets.slice(1);
  }

  async #demandDead(when: string): Promise<void> {
    for (const secret of this.#dead) {
      const { code } = await this.#ask({ do: "use", secret, cost: 0 });
      if (code === "valid") throw this.#fault(`${when} a secret that had ended is admitted`);
    }
  }

  /** The model's key, once the ledger has heard everything of it. */
  async #settled(): Promise<Key> {
    await this.isKnownToTheLedger();
    return this.#subject.state as Key;
  }

  async #hear(draft: Draft): Promise<void> {
    await this.#subject.hear(this.#subject.call(draft));
  }

  async #ask(call: Call): Promise<Answer> {
    const heard = await this.#send(call);
    if (heard === null) throw this.#fault(`nothing was heard of ${JSON.stringify(call)}`);
    return heard.answer;
  }

  #send(call: Call) {
    const { url, adminToken } = this.#rekey;
    const { id, secrets } = this.#subject;
    return make(id, call, { door: url, adminToken, secrets });
  }

  readonly #fault = (what: string): Contradiction => {
    const { version, revision, revoked } = this.#known!;
    const before = `version ${version}, revision ${revision}${revoked ? ", revoked" : ""}`;
    return new Contradiction(`${this.#subject.id} (${before} before, ${this.#early!.revision} in the copy): ${what}`);
  };
}
