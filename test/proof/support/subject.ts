import type { Rekey } from "../../support/rekey.ts";
import type { Heard } from "../history/recorder.ts";
import { LENIENT, type Answer, type Call, type Rules } from "../model/call.ts";
import { explains } from "../model/explains.ts";
import { ABSENT, step, type State } from "../model/key.ts";
import { make } from "./caller.ts";
import { faultOfLedger, faultOfTombstone } from "./ledger.ts";
import { Secrets } from "./secrets.ts";

/** A call without what only the key at that moment can fill in: its newest secret, the header. */
export type Draft =
  | { readonly do: "use" | "hold"; readonly cost: number }
  | { readonly do: "settle"; readonly used: number }
  | { readonly do: "rotate"; readonly graceMs: number }
  | { readonly do: "rotate-self" | "suspend" | "resume" | "revoke" | "revoke-self" | "purge" }
  | { readonly do: "amend"; readonly change: Partial<Rules> }
  | { readonly do: "credit"; readonly add: number };

const RULES: Rules = {
  ...LENIENT,
  quota: { limit: 50, period: "none" },
  pace: [{ name: "burst", limit: 60, windowMs: 300 * 24 * 60 * 60_000 }],
};

/** A key with a history, and the model beside it. */
export class Subject {
  readonly #rekey: Rekey;
  readonly secrets = new Secrets();
  state: State = ABSENT;
  id = "";

  constructor(rekey: Rekey) {
    this.#rekey = rekey;
  }

  /** Makes a call; what is heard must be what the model says. `null`: nothing was heard. */
  async make(call: Call): Promise<Answer | null> {
    const heard = await this.#send(call);
    if (heard === null) return null;
    const { answer } = heard;
    const { secret: mints, reservation: opens } = answer;
    const issues = "mints" in call || call.do === "use";
    const named = {
      ...call,
      ...(issues && typeof mints === "string" && { mints }),
      ...(typeof opens === "string" && { opens }),
    };
    const told = step(this.state, named, 0);
    if (!explains(told.answer, answer)) {
      throw new Contradiction(
        `${JSON.stringify(call)} heard ${JSON.stringify(answer)}, the model ${JSON.stringify(told.answer)}`,
      );
    }
    this.state = told.state;
    return answer;
  }

  /** Makes a call that must be answered. */
  async hear(call: Call): Promise<Answer> {
    const answer = await this.make(call);
    if (answer === null) throw new Contradiction(`nothing was heard of ${JSON.stringify(call)}`);
    return answer;
  }

  /** What the record says now, whatever the model says. */
  async look(): Promise<Answer> {
    const heard = await this.#send({ do: "read" });
    if (heard === null) throw new Contradiction("the record cannot be read");
    return heard.answer;
  }

  async create(call: Call = aCreation(null)): Promise<void> {
    const answer = await this.hear(call);
    this.id = this.secrets.idOf(answer["secret"] as string);
  }

  get secret(): string {
    return this.state.is === "key" ? this.state.secret : this.secrets.nameOf("nobody's");
  }

  /** The last one that was opened. */
  get reservation(): string {
    const last = this.state.is === "key" ? this.state.held.at(-1) : undefined;
    return last?.name ?? this.secrets.nameOf("no reservation");
  }

  call(draft: Draft, header: string | null = null): Call {
    const { secret } = this;
    switch (draft.do) {
      case "rotate":
        return { ...draft, expected: null, mints: "", header };
      case "rotate-self":
        return { do: "rotate-self", secret, mints: "", header };
      case "use":
        return { do: "use", cost: draft.cost, secret };
      case "hold":
        return { do: "use", cost: draft.cost, secret, reserve: true };
      case "settle":
        return { ...draft, reservation: this.reservation };
      case "revoke-self":
        return { do: "revoke-self", secret };
      case "amend":
      case "credit":
        return { ...draft, ifMatch: null };
      case "purge":
        return { do: "purge" };
      case "suspend":
      case "resume":
      case "revoke":
        return { do: draft.do };
    }
  }

  #send(call: Call): Promise<Heard> {
    const { url, adminToken } = this.#rekey;
    return make(this.id, call, { door: url, adminToken, secrets: this.secrets });
  }

  /** What the ledger has wrong about the key in the end; `null`: nothing. */
  async ledgerFault(patience?: number): Promise<string | null> {
    if (this.state.is === "gone") return faultOfTombstone(this.#rekey, this.id);
    if (this.state.is === "absent") return null;
    const heard = await this.#send({ do: "read" });
    return faultOfLedger(this.#rekey, this.id, heard?.revision ?? 0, patience);
  }
}

/** What was heard is not what the model says, or nothing was heard where something must be. */
export class Contradiction extends Error {}

export const aCreation = (header: string | null): Call => ({ do: "create", rules: RULES, mints: "", header });
