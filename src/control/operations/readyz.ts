import * as z from "zod/mini";
import { probeLedger } from "../../ledger/probe.ts";
import { json } from "../answer.ts";
import { operation } from "../operation.ts";

type Probe = Awaited<ReturnType<typeof probeLedger>>;

/** How long one probe answers for every caller, in milliseconds: anybody may ask, and D1 must not pay for it. */
const PROBE_LASTS_MS = 1_000;
const probes = new WeakMap<D1Database, { readonly until: number; readonly probe: Probe }>();

export const readyz = operation({
  method: "GET",
  path: "/_rekey/readyz",
  operationId: "readyz",
  summary: "Whether requests can be decided, and whether the ledger keeps up. Detail for the admin only.",
  scope: null,
  responses: {
    200: {
      description: "Ready. Without the ledger too: keys are admitted, rotated and revoked while it is down.",
      schema: z.strictObject({
        status: z.literal("ready"),
        ledger: z.enum(["ok", "behind"]),
        detail: z.optional(
          z.strictObject({
            ledgerCause: z.nullable(z.string()),
            mode: z.string(),
            peppers: z.array(z.string()),
            signingPepper: z.string(),
          }),
        ),
      }),
    },
  },
  refusals: [],
  async handle(call) {
    const { authority, config, env } = call;
    const { ok, cause } = await recentProbe(env.DB);
    const detail = {
      ledgerCause: cause,
      mode: config.mode,
      peppers: config.peppers.map(({ id }) => id),
      signingPepper: config.signingPepper.id,
    };
    const ready = { status: "ready", ledger: ok ? "ok" : "behind", ...(authority !== null && { detail }) };
    return json(call, 200, ready);
  },
});

async function recentProbe(db: D1Database): Promise<Probe> {
  const known = probes.get(db);
  if (known !== undefined && Date.now() < known.until) return known.probe;
  const probe = await probeLedger(db);
  probes.set(db, { until: Date.now() + PROBE_LASTS_MS, probe });
  return probe;
}
