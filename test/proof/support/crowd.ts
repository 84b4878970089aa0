import type { Dice } from "../../support/dice.ts";
import type { Rekey } from "../../support/rekey.ts";
import type { Heard } from "../history/recorder.ts";
import type { Answer, Call, Rules } from "../model/call.ts";
import { make } from "./caller.ts";
import { Secrets } from "./secrets.ts";

const CALLERS = 200;

/** One key, and two hundred who ask for it at once through all doors. */
export class Crowd {
  readonly #rekey: Rekey;
  readonly #roll: Dice;
  readonly #secrets = new Secrets();
  id = "";
  /** The newest secret that anybody heard of. */
  secret = "";
  calls = 0;
  /** Calls of which nothing was heard, or 503. */
  unknown = 0;

  constructor(rekey: Rekey, roll: Dice) {
    this.#rekey = rekey;
    this.#roll = roll;
  }

  /** Makes the key. */
  async begin(rules: Rules): Promise<this> {
    const { secret } = await this.hear({ do: "create", rules, mints: "", header: null });
    this.secret = secret as string;
    this.id = this.#secrets.idOf(this.secret);
    this.calls = 0;
    return this;
  }

  async ask(call: Call): Promise<Heard> {
    const { urls, adminToken } = this.#rekey;
    const by = this.#roll.pick(["gateway", "verify"]);
    this.calls += 1;
    const heard = await make(this.id, call, { door: this.#roll.pick(urls), adminToken, secrets: this.#secrets, by });
    if (heard === null) this.unknown += 1;
    return heard;
  }

  /** Asks what must be answered. */
  async hear(call: Call): Promise<Answer> {
    const heard = await this.ask(call);
    if (heard === null) throw new Error(`nothing was heard of ${JSON.stringify(call)}`);
    return heard.answer;
  }

  /** Does something so many times, all callers at once. */
  async all(times: number, act: () => Promise<void>): Promise<void> {
    let left = times;
    const caller = async () => {
      while (left > 0) {
        left -= 1;
        await act();
      }
    };
    await Promise.all(Array.from({ length: CALLERS }, caller));
  }
}
