import type { Dice } from "../../support/dice.ts";
import type { Rekey } from "../../support/rekey.ts";
import { ask, type Response } from "../support/http.ts";
import { CATCH_UP_MS, faultOfLedger } from "../support/ledger.ts";
import { Contradiction } from "../support/subject.ts";
import type { TroubledOrigin } from "../support/troubled-origin.ts";

/** Units that each request to the API costs. */
const COST = 2;

/** Under `/kept` they are spent whatever comes of it; under `/refunded` not where the origin fails or keeps silent. */
export const ROUTES = [
  { path: "/kept/*", cost: COST },
  { path: "/refunded/*", cost: COST, refundOn: ["5xx", "timeout"] },
];

/** How long the origin may keep silent, in milliseconds; it is slow for a fifth of that. */
export const ORIGIN_TIMEOUT_MS = 500;

/** What a holder whose key is good hears, and whether that is a failure on which units are given back. */
type Outcome = { readonly status: number; readonly code?: string; readonly bytes?: number; readonly fails: boolean };

/** By what the origin does. `down` is what nobody listens for, behind a door of its own. */
const OUTCOMES: Readonly<Record<string, Outcome | "broken off">> = {
  well: { status: 200, fails: false },
  slow: { status: 200, fails: false },
  huge: { status: 200, bytes: 1024 * 1024, fails: false },
  failing: { status: 500, fails: true },
  hanging: { status: 504, code: "origin-timeout", fails: true },
  "hanging-up": { status: 502, code: "origin-unreachable", fails: true },
  down: { status: 502, code: "origin-unreachable", fails: true },
  "breaking-off": "broken off",
};

/** Where the API is asked: through the door whose origin is in trouble, and the one whose origin is not there. */
export type Doors = { readonly troubled: string; readonly originless: string };

/** A key that is used while its origin is in trouble, and what must be true of it. One request after the other. */
export class Sufferer {
  readonly #rekey: Rekey;
  readonly #doors: Doors;
  readonly #origin: TroubledOrigin;
  readonly #roll: Dice;
  readonly counts = { "requests to an origin in trouble": 0, "given back": 0, "refused meanwhile": 0 };
  #id = "";
  #key = "";
  #limit = 0;
  #used = 0;
  #arrived = 0;
  #revoked = false;

  constructor(rekey: Rekey, doors: Doors, origin: TroubledOrigin, roll: Dice) {
    this.#rekey = rekey;
    this.#doors = doors;
    this.#origin = origin;
    this.#roll = roll;
  }

  /** A life of so many calls. Its quota may be over before, and now and then it is revoked in the middle. */
  get id(): string {
    return this.#id;
  }

  async live(calls: number): Promise<void> {
    await this.#create();
    const revokedAt = this.#roll.onceIn(4) ? 2 + this.#roll.below(calls) : Infinity;
    for (let turn = 2; turn <= calls; turn++) {
      if (turn === revokedAt) await this.#revoke();
      else if (this.#roll.onceIn(5)) await this.#verify();
      else await this.#use();
    }
  }

  /** What is wrong in the end about what was counted, or about what the ledger heard; `null`: nothing. */
  async fault(): Promise<string | null> {
    const { quota, revision } = JSON.parse((await this.#control("GET", `/keys/${this.#id}`)).body) as {
      quota: { used: number };
      revision: number;
    };
    if (quota.used !== this.#used) return `${this.#id}: ${quota.used} units are used, not ${this.#used}`;
    const arrived = this.#origin.arrived(this.#id);
    if (arrived !== this.#arrived) return `${this.#id}: ${arrived} requests have arrived, not ${this.#arrived}`;
    return faultOfLedger(this.#rekey, this.#id, revision, CATCH_UP_MS);
  }

  async #create(): Promise<void> {
    this.#limit = 10 + this.#roll.below(40);
    const quota = { limit: this.#limit, period: "none" };
    const { key, record } = JSON.parse((await this.#control("POST", "/keys", { name: "a sufferer", quota })).body) as {
      key: string;
      record: { id: string };
    };
    [this.#key, this.#id] = [key, record.id];
  }

  async #revoke(): Promise<void> {
    await this.#control("POST", `/keys/${this.#id}/revoke`, {});
    this.#revoked = true;
  }

  /** Spends one unit if there is one, whatever is the matter with the origin. */
  async #verify(): Promise<void> {
    const response = await this.#control("POST", "/verify", { key: this.#key });
    const { code } = JSON.parse(response.body) as { code: string };
    const told = this.#refusalOf(1)?.code ?? "valid";
    if (code !== told) throw new Contradiction(`${this.#id}: verify says ${code}, not ${told}`);
    if (told === "valid") this.#used += 1;
  }

  async #use(): Promise<void> {
    const rule = this.#roll.pick(["kept", "refunded"]);
    const trouble = this.#roll.pick(Object.keys(OUTCOMES));
    const isDown = trouble === "down";
    const path = `/${rule}/${trouble}`;
    const door = isDown ? this.#doors.originless : this.#doors.troubled;
    const refusal = this.#refusalOf(COST);
    // A GET whose connection breaks before its answer is repeated by the runtime, and would arrive twice.
    const response = await ask(door + path, { method: "POST", headers: { authorization: `Bearer ${this.#key}` } });
    const where = `${this.#id}: ${path} was answered ${response?.status ?? "nothing"}`;
    if (refusal !== null) {
      this.counts["refused meanwhile"] += 1;
      if (!isProblem(response, refusal)) throw new Contradiction(`${where}, not ${refusal.status} ${refusal.code}`);
      return;
    }
    this.counts["requests to an origin in trouble"] += 1;
    if (!isDown) this.#arrived += 1;
    const outcome = OUTCOMES[trouble]!;
    const isRefunded = outcome !== "broken off" && outcome.fails && rule === "refunded";
    if (isRefunded) this.counts["given back"] += 1;
    else this.#used += COST;
    if (outcome === "broken off") {
      if (response !== null) throw new Contradiction(`${where}, and it was not whole`);
      return;
    }
    const { status, code, bytes } = outcome;
    const isRight = code === undefined ? response?.status === status : isProblem(response, { status, code });
    if (!isRight) throw new Contradiction(`${where}, not ${status} ${code ?? ""}: ${response?.body.slice(0, 300)}`);
    if (bytes !== undefined && response?.body.length !== bytes)
      throw new Contradiction(`${where} with ${response?.body.length} bytes, not ${bytes}`);
    const left = Number(/"quota";r=(\d+)/.exec(String(response?.headers["ratelimit"]))?.[1]);
    if (left !== this.#limit - this.#used)
      throw new Contradiction(`${where} and ${left} left, not ${this.#limit - this.#used}`);
  }

  /** How this key is refused now, if it is; the origin has no say in that. */
  #refusalOf(cost: number): { readonly status: number; readonly code: string } | null {
    if (this.#revoked) return { status: 401, code: "key-revoked" };
    return this.#used + cost > this.#limit ? { status: 429, code: "quota-exceeded" } : null;
  }

  async #control(method: string, path: string, body?: object): Promise<Response> {
    const headers = { authorization: `Bearer ${this.#rekey.adminToken}` };
    const response = await ask(`${this.#rekey.url}/_rekey/v1${path}`, { method, headers, ...(body && { body }) });
    if (response === null || response.status >= 300)
      throw new Contradiction(
        `${method} ${path} was answered ${response?.status ?? "nothing"} ${response?.body ?? ""}`,
      );
    return response;
  }
}

const isProblem = (response: Response | null, { status, code }: { readonly status: number; readonly code: string }) =>
  response?.status === status && (JSON.parse(response.body) as { code: string }).code === code;
