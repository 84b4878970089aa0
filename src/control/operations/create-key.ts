import * as z from "zod/mini";
import { askKey } from "../../http/ask-key.ts";
import { problem } from "../../http/problem.ts";
import type { CreateCommand } from "../../key-object/rpc.ts";
import { newKeyId } from "../../key/credential.ts";
import { BOUNDS } from "../../key/policy.ts";
import { decisionHeader, json } from "../answer.ts";
import { byOf, undecided } from "../ask.ts";
import { operation } from "../operation.ts";
import { recordJson } from "../record-json.ts";
import { instant, isObject, label, metadata, orNull, prefix, text, whole, withDefault } from "../schema/fields.ts";
import { allowedIps, quota, rateLimits, scopes } from "../schema/policy.ts";
import { keyRecord } from "../schema/record.ts";

/** Where a key's object may live: Cloudflare's location hints. */
const REGIONS = ["wnam", "enam", "weur", "eeur", "apac", "oc", "afr", "me", "sam"] as const;

const body = z
  .strictObject({
    name: text(BOUNDS.nameLength),
    owner: orNull(label),
    kind: withDefault(z.literal("token"), "token"),
    prefix: z.optional(prefix),
    region: z.optional(z.enum(REGIONS)),
    lifetimeSeconds: z.optional(whole(1, BOUNDS.lifetimeSeconds)),
    expiresAt: orNull(instant),
    scopes: withDefault(scopes, []),
    allowedIps: orNull(allowedIps),
    quota: orNull(quota),
    rateLimits: withDefault(rateLimits, []),
    selfRotate: withDefault(z.boolean(), true),
    metadata: withDefault(metadata, {}),
  })
  .check(
    // Both run on a body that is faulty elsewhere, so that everything wrong with it is told at once.
    z.refine(({ lifetimeSeconds, expiresAt }) => (lifetimeSeconds ?? null) === null || (expiresAt ?? null) === null, {
      path: ["lifetimeSeconds"],
      error: "must not be given together with expiresAt",
      when: ({ value }) => isObject(value),
    }),
    z.refine(({ expiresAt }) => typeof expiresAt !== "string" || !(Date.parse(expiresAt) <= Date.now()), {
      path: ["expiresAt"],
      error: "must be in the future",
      when: ({ value }) => isObject(value),
    }),
  );

export const createKey = operation({
  method: "POST",
  path: "/_rekey/v1/keys",
  operationId: "createKey",
  summary: "Issue a key. Its text is in this answer and never again anywhere.",
  scope: "rekey:keys:write",
  body,
  responses: {
    201: { description: "The key was issued.", schema: z.strictObject({ key: z.string(), record: keyRecord }) },
  },
  refusals: ["conflict"],
  async handle(call) {
    const { region, ...wanted } = call.body;
    const id = newKeyId((bytes) => crypto.getRandomValues(bytes));
    const command: CreateCommand = {
      by: byOf(call),
      profile: {
        id,
        name: wanted.name,
        owner: wanted.owner,
        kind: wanted.kind,
        prefix: wanted.prefix ?? call.config.keyPrefix,
        scopes: wanted.scopes,
        allowedIps: wanted.allowedIps,
        quota: wanted.quota,
        rateLimits: wanted.rateLimits,
        selfRotate: wanted.selfRotate,
        metadata: wanted.metadata,
      },
      end: endOf(wanted),
    };
    const asked = await askKey(call.env, call.config, id, (key) => key.create(command), region);
    if (!asked.answered) return undecided(call);
    const { answer } = asked;
    const headers = decisionHeader(answer.decision);
    if (!answer.created) return problem("conflict", { requestId: call.requestId, headers });
    const created = { key: answer.credential, record: recordJson(answer.record) };
    return json(call, 201, created, { ...headers, location: `/_rekey/v1/keys/${id}` });
  },
});

function endOf({ lifetimeSeconds, expiresAt }: z.output<typeof body>): CreateCommand["end"] {
  if (lifetimeSeconds !== undefined) return { afterSeconds: lifetimeSeconds };
  return expiresAt === null ? null : { at: Date.parse(expiresAt) };
}
