import * as z from "zod/mini";
import { isAlertId, type AlertId } from "../../key/alert-id.ts";
import { ALERT_ACTIONS, ALERTS } from "../../key/suspicion-policy.ts";
import { BOUNDS, type JsonValue } from "../../key/policy.ts";
import { keyId, opaque, orNull, text, timestamp } from "./fields.ts";

const alertId = z.string().check(z.refine(isAlertId, "is not the id of an alert")) as unknown as z.ZodMiniType<AlertId>;

/** The parameters of every path that names an alert. */
export const alertParams = z.lazy(() => z.strictObject({ id: alertId }));

/** Something suspicious about the use of a key, and what became of it. */
export const alert = z.lazy(() =>
  z.strictObject({
    id: alertId,
    keyId,
    owner: z.nullable(z.string()),
    sequence: z.int(),
    alert: z.enum(ALERTS),
    action: z.enum(ALERT_ACTIONS),
    at: timestamp,
    requestId: z.string(),
    ip: z.nullable(z.string()),
    userAgent: z.nullable(z.string()),
    country: z.nullable(z.string()),
    evidence: opaque<Readonly<Record<string, JsonValue>>>(),
    acknowledged: z.nullable(z.strictObject({ at: timestamp, by: z.string(), note: z.nullable(z.string()) })),
  }),
);

export const acknowledgeBody = z.lazy(() => z.strictObject({ note: orNull(text(BOUNDS.reasonLength)) }));

export type AlertJson = z.output<typeof alert>;
