import * as z from "zod/mini";
import { epochMs, rfc3339 } from "../../key/time.ts";
import { probeLedger, type Probe } from "../../ledger/probe.ts";
import { json } from "../answer.ts";
import { isControlHost } from "../control-host.ts";
import { timestamp } from "../schema/fields.ts";
import { operation } from "../operation.ts";

const WARNINGS = ["missing-pepper"] as const;

/** How long one probe answers for every caller, in milliseconds: anybody may ask, and D1 must not pay for it. */
const PROBE_LASTS_MS = 1_000;
const probes = new WeakMap<D1Database, { readonly until: number; readonly probe: Probe }>();

export const readyz = operation({
  method: "GET",
  path: "/_rekey/readyz",
  operationId: "readyz",
  summary: "Whether requests can be decided, and whether the ledger keeps up. Detail for the admin only.",
  scope: null,
  tellsAdmin: true,
  everyHost: true,
  responses: {
    200: {
      description: "Ready. Without the ledger too: keys are admitted, rotated and revoked while it is down.",
      schema: z.lazy(() =>
        z.strictObject({
          status: z.literal("ready"),
          ledger: z.enum(["ok", "behind"]),
          /** `missing-pepper`: keys that may still be used were made with a pepper that REKEY_PEPPERS does not list. */
          warnings: z.array(z.enum(WARNINGS)),
          detail: z.optional(
            z.strictObject({
              ledgerCause: z.nullable(z.string()),
              mode: z.string(),
              peppers: z.array(z.string()),
              signingPepper: z.string(),
              missingPeppers: z.nullable(z.array(z.string())),
              behindSince: z.nullable(timestamp),
              reconciled: z.nullable(
                z.strictObject({
                  endedAt: timestamp,
                  keys: z.int(),
                  caughtUp: z.int(),
                  recovered: z.int(),
                  silent: z.int(),
                }),
              ),
            }),
          ),
        }),
      ),
    },
  },
  refusals: [],
  async handle(call) {
    const { authority, config, env, request } = call;
    const probe = await recentProbe(env.DB);
    const listed = config.peppers.map(({ id }) => id);
    const missing = probe.ok ? probe.peppersInUse.filter((pepper) => !listed.includes(pepper)) : null;
    const detail = {
      ledgerCause: probe.ok ? null : probe.cause,
      mode: config.mode,
      peppers: listed,
      signingPepper: config.signingPepper.id,
      missingPeppers: missing,
      behindSince: probe.ok && probe.behindSince !== null ? rfc3339(probe.behindSince) : null,
      reconciled: probe.ok && probe.walk !== null ? { ...probe.walk, endedAt: rfc3339(probe.walk.endedAt) } : null,
    };
    const isAdmin = authority !== null && isControlHost(request, config);
    return json(call, 200, {
      status: "ready",
      ledger: probe.ok && probe.behindSince === null ? "ok" : "behind",
      warnings: missing !== null && missing.length > 0 ? ["missing-pepper"] : [],
      ...(isAdmin && { detail }),
    });
  },
});

async function recentProbe(db: D1Database): Promise<Probe> {
  const known = probes.get(db);
  if (known !== undefined && Date.now() < known.until) return known.probe;
  const probe = await probeLedger(db, epochMs(Date.now()));
  probes.set(db, { until: Date.now() + PROBE_LASTS_MS, probe });
  return probe;
}
