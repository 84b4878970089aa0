import { rfc3339 } from "../key/time.ts";
import type { ListedAlert } from "../ledger/alerts.ts";
import type { AlertJson } from "./schema/alert.ts";

/** An alert on the wire. */
export const alertJson = ({ at, acknowledged, ...alert }: ListedAlert): AlertJson => ({
  ...alert,
  at: rfc3339(at),
  acknowledged: acknowledged === null ? null : { ...acknowledged, at: rfc3339(acknowledged.at) },
});
