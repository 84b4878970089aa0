import type { Env } from "../../src/env.ts";
import worker, { KeyObject as RealKeyObject, OwnerObject as RealOwnerObject } from "../../src/index.ts";
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
  constructor(ctx: DurableObjectState, env: FaultEnv) {
    super(ctx, withFaultyLedger(env));
  }
}

export class OwnerObject extends RealOwnerObject {
  constructor(ctx: DurableObjectState, env: FaultEnv) {
    super(ctx, withFaultyLedger(env));
  }
}

export default {
  fetch: (request, env, ctx) => worker.fetch(request, withFaultyLedger(env), ctx),
} satisfies ExportedHandler<FaultEnv>;
