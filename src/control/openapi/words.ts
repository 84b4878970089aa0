import type { JsonSchema } from "./types.ts";

/**
 * What each field means, for readers of the document. By name, or by the shape it stands in where the same name means
 * something else: `Shape.field`, or `operationId.field` for shapes without a name.
 */
export const WORDS: Readonly<Record<string, string>> = {
  // Of a key
  id: "The key's id. No secret; it names the key for ever.",
  name: "For people, to recognise the key by.",
  owner: "Whose key it is: a customer, a team. Given at creation and never changed; `null`: nobody's.",
  kind: "How the key lives: a `token` ends at a fixed instant, or never.",
  environment: "What the key is for. Means nothing to Rekey; lists can be filtered by it.",
  prefix: "What the key's text begins with, before the last `_`.",
  pepper: "Which of the deployment's peppers the newest secret was made with.",
  hint: "The last characters of the newest secret, to recognise it by.",
  version: "How many secrets the key has had. Rotating compares it.",
  revision: "The sequence of the key's last change; its `ETag`.",
  status: "Whether it can be used, by its own standing.",
  ownerSuspended: "Whether its owner is suspended. If so it cannot be used, whatever its own status.",
  createdAt: "When it was issued.",
  rotatedAt: "When its newest secret was issued; `null` for the first one.",
  revokedAt: "When it was ended for good.",
  lastUsedAt: "When it was last admitted.",
  expiresAt: "When it ends; `null`: never.",
  scopes: "What the key may be used for. `*` stands for one segment, as the last one for one or more.",
  allowedIps: "Addresses and networks it may be used from; `null`: anywhere.",
  quota: "How much it may use in a period; `null`: as much as it likes.",
  rateLimits: "How fast it may be used. All of them hold at once.",
  rotation: "When the key is due for a new secret.",
  maxConcurrent: "How many requests may be under way at once.",
  selfRotate: "Whether the key may rotate itself.",
  metadata: "A JSON object that Rekey carries and never reads, at most 4 KiB as JSON.",

  // Limits
  limit: "How many at most.",
  "QuotaRule.limit": "How many units in a period.",
  "Quota.limit": "How many units in a period.",
  period: "When it refills: at the beginning of each. `none`: a balance that does not.",
  timezone: "Whose days and months those are.",
  used: "How many were spent in this period.",
  remaining: "How many are left.",
  resetsAt: "When it refills; `null`: never, or while nothing is counted.",
  algorithm: "`window`: fixed, opened by its first request.",
  windowSeconds: "How long a window is, in seconds.",
  unit: "What is counted: `request` counts one, whatever it costs.",
  "RateLimit.name": "Names the limit, as in the `RateLimit` header.",
  "RateLimitRule.name": "Names the limit in headers and refusals. `quota` is taken.",
};

/** The shape with a description for each of its fields, unnamed objects inside it included. */
export function explained(schema: JsonSchema, shape: string): JsonSchema {
  const { properties, items } = schema;
  return {
    ...schema,
    ...(items !== undefined && { items: explained(items, shape) }),
    ...(properties !== undefined && {
      properties: Object.fromEntries(
        Object.entries(properties).map(([name, field]) => [name, { ...described(field, shape, name) }]),
      ),
    }),
  };
}

function described(field: JsonSchema, shape: string, name: string): JsonSchema {
  const description = WORDS[`${shape}.${name}`] ?? WORDS[name];
  return { ...(description !== undefined && { description }), ...explained(field, shape) };
}
