import type { Env } from "../../src/env.ts";
import worker, { OwnerObject as RealOwnerObject, WebhookObject as RealWebhookObject } from "../../src/index.ts";
import { AbortableKeyObject, armAbortPoint } from "./abortable.ts";
import { faultyD1, type LedgerFault } from "./faulty-d1.ts";

/** The service binding by which serve.ts decides what a question to the ledger, or an answer of an object, meets. */
type FaultEnv = Env & { readonly LEDGER_FAULTS: Fetcher };

const wrapped = new WeakMap<FaultEnv, Env>();

/** The same environment with a ledger that can be made to fail. One object per environment, as the Worker expects. */
function withFaultyLedger(env: FaultEnv): Env {
  let faulty = wrapped.get(env);
  if (faulty === undefined) {
    const ask = async () => (await env.LEDGER_FAULTS.fetch("http://ledger-faults/")).text() as Promise<LedgerFault>;
    faulty = { ...env, DB: faultyD1(env.DB, ask) };
    wrapped.set(env, faulty);
  }
  return faulty;
}

/** The calls of a key's object whose answers can be lost. */
export type Losable = "create" | "rotate" | "rotateSelf" | "credit";

type Command<Call extends Losable> = Parameters<AbortableKeyObject[Call]>[0];

export class KeyObject extends AbortableKeyObject {
  readonly #faults: Fetcher;

  constructor(ctx: DurableObjectState, env: FaultEnv) {
    super(ctx, withFaultyLedger(env));
    this.#faults = env.LEDGER_FAULTS;
  }

  override async create(command: Command<"create">) {
    return this.#orLost("create", await super.create(command));
  }

  override async rotate(command: Command<"rotate">) {
    return this.#orLost("rotate", await super.rotate(command));
  }

  override async rotateSelf(command: Command<"rotateSelf">) {
    return this.#orLost("rotateSelf", await super.rotateSelf(command));
  }

  override async credit(command: Command<"credit">) {
    return this.#orLost("credit", await super.credit(command));
  }

  /** What was decided is durable; then the object is gone, and whoever asked hears of a failure. */
  async #orLost<Answer>(call: Losable, answer: Answer): Promise<Answer> {
    const met = await (await this.#faults.fetch(`http://answers/${call}`)).text();
    if (met === "lose") {
      await this.ctx.storage.sync();
      this.ctx.abort("the answer is lost");
    }
    return answer;
  }
}

export class OwnerObject extends RealOwnerObject {
  constructor(ctx: DurableObjectState, env: FaultEnv) {
    super(ctx, withFaultyLedger(env));
  }
}

export class WebhookObject extends RealWebhookObject {
  constructor(ctx: DurableObjectState, env: FaultEnv) {
    super(ctx, withFaultyLedger(env));
  }
}

export default {
  fetch: (request, env, ctx) =>
    new URL(request.url).pathname === "/_abort-point"
      ? armAbortPoint(request)
      : worker.fetch(request, withFaultyLedger(env), ctx),
  scheduled: (minute, env) => worker.scheduled(minute, withFaultyLedger(env)),
} satisfies ExportedHandler<FaultEnv>;
