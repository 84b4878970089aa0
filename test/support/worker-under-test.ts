import type { Env } from "../../src/env.ts";
import worker, { KeyObject as RealKeyObject, OwnerObject as RealOwnerObject } from "../../src/index.ts";
import { armAbortPoint, withAbortPoints } from "./abort-points.ts";
import { faultyD1, type LedgerFault } from "./faulty-d1.ts";

/** The service binding by which serve.ts decides what a question to the ledger meets. */
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

export class KeyObject extends RealKeyObject {
  readonly #points: ReturnType<typeof withAbortPoints>;

  constructor(ctx: DurableObjectState, env: FaultEnv) {
    const points = withAbortPoints(ctx);
    const faulty = withFaultyLedger(env);
    super(ctx, { ...faulty, DB: points.around(faulty.DB) });
    this.#points = points;
  }

  override alarm(): Promise<void> {
    this.#points.meet("in the alarm");
    return super.alarm();
  }
}

export class OwnerObject extends RealOwnerObject {
  constructor(ctx: DurableObjectState, env: FaultEnv) {
    super(ctx, withFaultyLedger(env));
  }
}

export default {
  fetch: (request, env, ctx) =>
    new URL(request.url).pathname === "/_abort-point"
      ? armAbortPoint(request)
      : worker.fetch(request, withFaultyLedger(env), ctx),
} satisfies ExportedHandler<FaultEnv>;
