import * as z from "zod/mini";
import { BOUNDS } from "../../key/policy.ts";
import { ALERT_ACTIONS, ALERTS, USUAL_SUSPICION, type Alert, type SuspicionRule } from "../../key/suspicion-policy.ts";
import { whole, withDefault } from "./fields.ts";

/** What is left out of a rule is as usual for its detector. */
const rule = (alert: Alert) => {
  const usual = USUAL_SUSPICION[alert];
  const most = alert === "rapid-rotation" ? BOUNDS.recentRotations : BOUNDS.alertThreshold;
  return z.strictObject({
    threshold: withDefault(whole(1, most), usual.threshold),
    withinSeconds: withDefault(whole(1, BOUNDS.alertWithinSeconds), usual.withinSeconds),
    quietSeconds: withDefault(whole(BOUNDS.leastQuietSeconds, BOUNDS.quietSeconds), usual.quietSeconds),
    action: withDefault(z.enum(ALERT_ACTIONS), usual.action),
    off: withDefault(z.boolean(), usual.off),
  }) satisfies z.ZodMiniType<SuspicionRule>;
};

const byAlert = <Rule extends z.ZodMiniType>(of: (alert: Alert) => Rule) =>
  Object.fromEntries(ALERTS.map((alert) => [alert, z.optional(of(alert))])) as {
    [Name in Alert]: z.ZodMiniOptional<Rule>;
  };

/** The rules in which a key differs from what usually is suspicious. */
export const suspicion = z.lazy(() => z.strictObject(byAlert(rule)));

/** The same as a record tells them. */
export const suspicionRules = z.lazy(() =>
  z.strictObject(
    byAlert(() =>
      z.strictObject({
        threshold: z.int(),
        withinSeconds: z.int(),
        quietSeconds: z.int(),
        action: z.enum(ALERT_ACTIONS),
        off: z.boolean(),
      }),
    ),
  ),
);
