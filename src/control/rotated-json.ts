import type { WithRecord } from "../key-object/rpc.ts";
import type { Rotated } from "../key/install.ts";
import { rfc3339 } from "../key/time.ts";
import { etagOf, json } from "./answer.ts";
import type { Surroundings } from "./operation.ts";
import { recordJson } from "./record-json.ts";
import { rotatedKey } from "./schema/rotate.ts";

/** What a rotation answers, whoever asked for it. */
export const rotated = {
  description: "The new secret, and until when the old one is admitted: not after this instant without grace.",
  schema: rotatedKey,
};

/** The answer that a rotation gives, and gives again to whoever repeats the call. */
export function rotatedAnswer(
  call: Surroundings,
  { credential, record, retired }: WithRecord<Rotated>,
  headers: Readonly<Record<string, string>>,
): Response {
  const { version, validUntil } = retired;
  const body = {
    key: credential,
    record: recordJson(record),
    retired: { version, validUntil: rfc3339(validUntil) },
  };
  return json(call, 200, body, { ...headers, ...etagOf(record) });
}
