import { ALGORITHMS } from "../../key/rate-limit-algorithms.ts";
import type { JsonSchema } from "./types.ts";

/**
 * What each field means, for readers of the document. By name, or by the shape it stands in where the same name means
 * something else: `Shape.field`, or `operationId.field` for shapes without a name.
 */
export const WORDS: Readonly<Record<string, string>> = {
  // Of a key
  id: "The key's id. No secret; it names the key for ever.",
  keyId: "The key's id.",
  key: "The key's text. Shown this once; Rekey does not keep it.",
  "VerifyQuestion.key": "What was presented. Any text: whether it is a key is the question.",
  record: "The key as it is now.",
  name: "For people, to recognise the key by.",
  owner: "Whose key it is: a customer, a team. Given at creation and never changed; `null`: nobody's.",
  kind: "How the key lives: a `token` ends at a fixed instant, or never; the end of a `session` slides with its use.",
  environment:
    "What the key is for. It decides the usual prefix (`rk_live`, `rk_test`), and lists can be filtered by it.",
  prefix: "What the key's text begins with, before the last `_`.",
  "NewKey.prefix": "What the key's text begins with, before the last `_`. Absent: as usual for its environment.",
  region: "Where the key's object is to live, once and for all: near those who use the key.",
  pepper: "Which of the deployment's peppers the newest secret was made with.",
  hint: "The last characters of the newest secret, to recognise it by.",
  version: "How many secrets the key has had. Rotating compares it.",
  revision: "The sequence of the key's last change; its `ETag`.",
  status: "Whether it can be used, by its own standing.",
  "Problem.status": "The HTTP status.",
  "explainProblem.status": "The usual HTTP status.",
  "ListedOwner.status": "Where the owner stands.",
  "OwnerProgress.status": "Where the owner stands now.",
  ownerSuspended: "Whether its owner is suspended. If so it cannot be used, whatever its own status.",
  createdAt: "When it was issued.",
  rotatedAt: "When its newest secret was issued; `null` for the first one.",
  revokedAt: "When it was ended for good.",
  lastUsedAt: "When it was last admitted.",
  expiresAt: "When it ends; `null`: never.",
  "NewKey.expiresAt": "When it is to end; `null`: never. Either this or `lifetimeSeconds`.",
  "Amendment.expiresAt":
    "When it is to end; `null`: never. A past instant ends it at once, a later one revives a key that has expired.",
  lifetimeSeconds: "How long it lives from its creation on, a session from its last slide; `null`: no such rule.",
  "NewKey.lifetimeSeconds":
    "How long it is to live from its creation on, a session from its last slide. Either this or `expiresAt`; a session needs it, and more than an hour.",
  maxLifetimeSeconds: "Of a session: how long it may live in all, however much it is used; `null`: as long as it is.",
  idleSeconds: "It ends when it was not used for so long; `null`: it may rest.",
  reserveSeconds: "How long a reservation stays open, in seconds.",
  onReservationTimeout:
    "What becomes of a reservation that nobody settles in time: `charge`: all of it is charged. `release`: nothing is.",
  scopes:
    "What the key may be used for: segments joined by `:`. `*` stands for one segment, as the last one for one or more.",
  "VerifyQuestion.scopes": "What the key is needed for: all of these scopes.",
  allowedIps: "Addresses and networks it may be used from; `null`: anywhere.",
  quota: "How much it may use in a period; `null`: as much as it likes.",
  rateLimits: "How fast it may be used. All of them hold at once.",
  rotation: "When the key is due for a new secret, and what happens then; `null`: never.",
  afterUses: "After so many admissions with one secret.",
  afterSeconds: "After a secret has been the newest for so long.",
  "KeyRecord.mode":
    "`require`: nothing is admitted until it is rotated. `issue`: the admission that crosses the line gets the successor.",
  dueAt: "When the newest secret is due by its age; `null` without such a rule.",
  maxConcurrent: "How many requests through the gateway may be under way at once; `null`: any number.",
  selfRotate: "Whether the key may rotate itself.",
  metadata: "A JSON object that Rekey carries and never reads, at most 4 KiB as JSON.",

  // Of its use
  start: "When the hour or day of UTC begins.",
  admitted: "How many requests were admitted.",
  units: "How many units were charged, less what reservations gave back; below 0 where more was given back.",
  refused: "How many requests were refused, by code. Counted within seconds; a crash may lose the last of it.",
  routes: "How many requests were admitted on each route of the gateway. What came after the 16th is `(other)`.",
  by: "Whether each item is an hour or a day.",
  firstSeenAt: "When it was first admitted from there, of those that are still remembered.",
  lastSeenAt: "When it was last admitted from there.",
  count: "How often it was admitted from there in between.",

  // Of its limits
  limit: "How many items at most.",
  "Problem.limit": "The name of the limit that refused.",
  "QuotaRule.limit": "How many units in a period.",
  "Quota.limit": "How many units in a period.",
  "ListedKey.limit": "How many at most.",
  "RateLimit.limit": "How many in a window.",
  "RateLimitRule.limit": "How many in a window.",
  period: "When it refills: at the beginning of each. `none`: a balance that does not.",
  everySeconds: "How long each period is.",
  anchor: "An instant at which one begins; the others lie before and after it without a gap.",
  timezone: "Whose hours, days, weeks and months those are: the IANA name of a zone.",
  refill: "`reset`: what is left is lost. `add`: it is carried over, up to `cap`.",
  cap: "How much there may be at once where it is carried over; `null` where it is not.",
  used: "How many were spent in this period.",
  remaining: "How many are left.",
  resetsAt: "When it refills; `null`: never, or nothing is counted yet.",
  algorithm: Object.entries(ALGORITHMS)
    .map(([name, { summary }]) => `\`${name}\`: ${summary}.`)
    .join(" "),
  burst: "Of a `bucket`: how many at once.",
  windowSeconds: "How long a window is, in seconds.",
  unit: "What is counted: `request` counts one, whatever it costs; `cost` counts its units.",
  "RateLimit.name": "Names the limit, as in the `RateLimit` header.",
  "RateLimitRule.name": "Names the limit in headers and refusals. `quota` is taken.",

  // Of changes
  reason: "Why; kept in the key's history.",
  expectedVersion:
    "The version that the caller last saw: if another holds, nothing happens. `null`: whichever holds is replaced.",
  graceSeconds: "How long the old secret is still let in. 0: not at all.",
  retired: "The secret that was replaced.",
  "RotatedKey.version": "Which one it was.",
  validUntil: "Until when it is let in. Without grace, the instant of the rotation.",
  add: "Raises what remains, and the limit with it. Either this or `set`.",
  set: "Sets what remains. Either this or `add`.",
  keys: "How many keys the owner has, whatever their standing.",
  acknowledged: "How many of them have carried the decision out. All: it is complete.",
  forbidden: "How many hold more authority than the control key that decided. They stay as they are.",
  "OwnerProgress.ledger":
    "Whether the ledger was searched for keys from before owners were kept track of; `pending`: it goes on.",

  // Of verdicts
  cost: "How many units the request costs. 0 asks for room in the rate limits only.",
  reserve:
    "Units to hold, instead of a cost, for work whose cost is known only afterwards. The answer names the reservation.",
  reservation: "What was held. Settle it with what was really used.",
  reserved: "How many units were held.",
  "Settlement.used": "How many units were really used.",
  "SettledReservation.id": "The reservation's id.",
  "SettledReservation.used": "How many units were used, as was said.",
  charged: "How many of them were charged.",
  overrun: "How many were not: they were more than was held, and did not fit into what was left.",
  settledAt: "When it was settled first.",
  newKey:
    "The key's next secret, as its policy says: in this answer and in no other. Use it from now on; the old one is let in until its grace ends.",
  explain: "True: say which rule decided and what each counter held. For the admin only.",
  "VerifyAnswer.explanation": "Why it was decided so.",
  decidedBy: "The first rule that refuses; `null`: none did.",
  checks: "Every rule by itself, in the order of the decision.",
  check: "Which rule.",
  before: "What was left before the decision.",
  anyScope: "What the key is needed for: one of these scopes is enough. An empty list asks for nothing.",
  ip: "The address from which the request came; `null`: not known.",
  "VerifyQuestion.ip": "Where the key's holder asks from. Without it a key that is bound to addresses is refused.",
  request: "What the asker is about to do for the key's holder.",
  method: "Its HTTP method.",
  path: "Its path.",
  "Problem.path": "The field, as in `rateLimits[0].name`; empty for the body as a whole.",
  dryRun: "True: nothing is counted, and the answer is information, not an admission.",
  valid: "Whether to let the request in.",
  code: "Why a request was refused.",
  "VerifyAnswer.code": "`valid`, or why not.",
  decision: "`<boot>.<n>`: which decision of the key's object this is. `null` where none may be told of.",
  retryAfterSeconds: "After how many seconds to ask again. Absent where waiting does not help.",
  "verifyBatch.items": "The questions, and the answers in the same order.",

  // Of history
  sequence: "Counts the key's changes: 1, 2, 3, without gaps.",
  type: "What happened.",
  "Problem.type": "The page that explains the code: `/_rekey/problems/<code>`.",
  at: "When.",
  from: "From when on.",
  to: "Until before when.",
  actor: "Who: `admin`, a control key's id, or the key's own.",
  userAgent: "What the caller's software called itself.",
  country: "The country of that address, where it is known.",
  detail:
    "What is particular to it. A value of more than 2,048 bytes of JSON, or what it was before, is `{ sha256, bytes }` of that JSON.",
  "Problem.detail": "What is particular to this occurrence.",

  intact: "Whether every event that the ledger has is what the key wrote, and none that was delivered is missing.",
  fault: "The first thing that is wrong; `null`: nothing is.",
  "ChainProof.sequence": "Which event.",
  "ChainProof.kind":
    "`altered`: the row is not what the key wrote. `removed`: the event is missing. `inserted`: there is no such event.",
  "ChainProof.message": "The same in words.",
  "ChainProof.anchor":
    "Behind which event the history begins: 0, or the newest that was deleted because of its age. Compare it with your retention.",
  hash: "SHA-256 over the event and the hash before it, base64url; empty before the first event.",
  verifiedThrough: "Up to which event all is as the key wrote it.",
  onlyInLedger:
    "Events that the key knows from the ledger alone, because its own storage was restored to an earlier time: they fit the chain, but the key cannot vouch for them.",
  first: "The first of them.",
  last: "The last of them.",
  deliveredThrough: "Up to which event the key has told the ledger.",
  head: "The newest event, by the key's own account. What is behind `deliveredThrough` is still on its way.",

  // Of webhooks
  "NewWebhook.owner": "Whose keys it is told of; `null`: everybody's. A control key with an owner: that one.",
  "NewWebhook.url": "Where messages go: https, to a public address. Treat it as a secret if it contains one.",
  "WebhookAmendment.url": "Where messages go: https, to a public address. Treat it as a secret if it contains one.",
  url: "Where messages go.",
  description: "For people, to recognise it by.",
  events: "What it is told of: types of events, `key.*` for all that begin so, `*` for all.",
  "Webhook.id": "The webhook's id.",
  "ListedWebhook.id": "The webhook's id.",
  "Webhook.owner": "Whose keys it is told of; `null`: everybody's.",
  "ListedWebhook.owner": "Whose keys it is told of; `null`: everybody's.",
  "Webhook.status": "Whether messages are sent.",
  "ListedWebhook.status": "Whether messages are sent.",
  "Webhook.createdAt": "When it was made: it is told of what arrived in the ledger since.",
  "ListedWebhook.createdAt": "When it was made: it is told of what arrived in the ledger since.",
  disabledBecause:
    "Why no messages are sent: `failing`, for almost three days none arrived; `gone`, the receiver answered 410. `null`: they are.",
  failingSince: "Since when every attempt has failed; `null`: the last one did not.",
  pending: "How many messages wait, those included that are to be tried again.",
  dead: "How many messages were given up after their last attempt. They can be replayed.",
  secret: "Signs the messages (Standard Webhooks). Shown this once.",
  webhook: "The webhook as it is now.",
  overlapSeconds: "How long the old secret signs too, beside the new one. 0: not at all, for a secret that leaked.",
  "RotatedWebhook.retired": "The secret before.",
  "RotatedWebhook.validUntil": "Until when it signs too.",
  deliveryId: "The message's id: what the receiver sees as `webhook-id`.",
  "Delivery.id": "The message's id: what the receiver sees as `webhook-id`, the same on every attempt.",
  "Delivery.type": "Which type of event it is about, or `webhook.test`.",
  state: "`pending`: it waits, or is tried again. `delivered`: the receiver has it. `dead`: it was given up.",
  "Delivery.createdAt": "When it was read from the ledger.",
  attempts: "How often it was tried, since it was made or replayed.",
  nextAttemptAt: "When it is tried next; `null`: not any more.",
  lastAttempt: "How the last attempt went; `null`: there was none.",
  tookMs: "How long it took, in milliseconds.",
  "Delivery.status": "The HTTP status of the receiver's answer; `null` without one.",
  because:
    "Why it failed; `null`: it did not. `not-public`, `unresolved`, `resolver-silent`: nothing was sent, because of where the name leads.",

  // Of a boundary
  boundary:
    "Of a control key: how far it reaches with the keys that it makes, amends, credits or rotates; `null`: as far as its `rekey:` scopes. A control key with a boundary gives none that is wider.",
  grantable: "What covers every scope that its keys hold.",
  environments: "In which its keys may be; `null`: in any.",

  // Of suspicion
  suspicion: "What about the use of the key raises an alert, where it is not as usual; `null`: as usual.",
  "retired-secret-used": "A secret that was replaced is presented after its end. Usually 1 within 600 s.",
  "revoked-secret-used": "The secret of a revoked key is presented. Usually 1 within 600 s.",
  "unknown-secret": "A secret with this deployment's tag that the key does not know. Usually 1 within 600 s.",
  "rapid-rotation": "Rotations, by whomever. Usually 5 within 600 s; at most 32.",
  "failures-then-success": "Refusals of one address, and then an admission. Usually 10 within 600 s.",
  "refusal-burst": "Refusals, of whatever address. Usually 100 within 60 s.",
  "counter-above-limit": "More used than the quota lets through, which only a fault can do.",
  threshold: "How many sightings are an alert.",
  withinSeconds: "Within how long, in seconds.",
  quietSeconds: "How long there is no further alert like it, in seconds.",
  action: "`alert`: people are told. `suspend`: the key is suspended in the same step, too.",
  off: "True: this is not looked for.",
  "Alert.id": "The alert's id.",
  "Alert.sequence": "Of the event in the key's history that says the same.",
  "Alert.action": "What was done about it in the same step.",
  alert: "What was seen.",
  evidence: "What speaks for it, by kind of alert.",
  "Alert.acknowledged": "Who has looked into it, and when; `null`: nobody yet.",
  "listAlerts.acknowledged": "`false`: only what nobody has looked into yet. `true`: only the others.",
  "Alert.by": "Who: `admin`, or a control key's id.",
  note: "What came of it.",

  // Of lists
  items: "What was found.",
  nextCursor: "Where the list goes on; `null` at its end.",
  asOf: "The instant at which this was so. While keys catch up after an outage of the ledger: the beginning of what it may lack.",
  cursor: "Where to go on: the `nextCursor` of the page before.",
  beyondLifetime:
    "`true`: keys whose end somebody has set later than their lifetime allows: creation + `lifetimeSeconds`, of a session with a cap + `maxLifetimeSeconds`. `false`: all others.",
  search: "How the name begins, in any case; or a whole id.",

  // Of refusals and of the deployment
  requestId: "Names this request in logs and events.",
  title: "The code in words, always the same ones.",
  errors: "With `invalid-request`: everything that is wrong with the request. Values are not repeated.",
  message: "What is wrong with it; reads on from the path.",
  currentVersion: "With `version-conflict`: the version that holds.",
  explanation: "What to do about it.",
  "getJwks.keys": "The keys, public parts only. An assertion names the one that signed it in `kid`.",
  kty: "Octet key pair (RFC 8037).",
  crv: "The curve.",
  x: "The public key, base64url.",
  kid: "Which key it is.",
  use: "It signs.",
  alg: "How it signs.",
  openapi: "Which version of OpenAPI it is written in.",
  "healthz.status": "It runs.",
  "readyz.status": "Requests can be decided.",
  "readyz.ledger": "`behind`: lists and searches have to wait, and nothing else does.",
  warnings: "`missing-pepper`: keys that may still be used were made with a pepper that the deployment no longer has.",
  "readyz.detail": "For the admin only.",
  behindSince:
    "Since when events may be missing in the ledger: it was down, and keys are catching up; `null`: none are.",
  reconciled:
    "What the last walk through all keys found, which compares the ledger with them; `null`: none has ended yet.",
  endedAt: "When it ended.",
  "readyz.keys": "How many keys were asked.",
  caughtUp: "How many had something to tell that the ledger lacked.",
  recovered: "How many had been restored to an earlier time, and were brought forward.",
  silent: "How many did not answer; they are asked again in the next walk.",
  ledgerCause: "Why the ledger did not answer.",
  mode: "Whether there is a gateway.",
  peppers: "The peppers that the deployment has.",
  signingPepper: "The one with which new secrets are made.",
  missingPeppers: "Peppers that keys in use were made with and the deployment does not have.",
};

/** The shape with a description for each of its fields, unnamed objects inside it included. */
export function explained(schema: JsonSchema, shape: string): JsonSchema {
  const { properties, items, anyOf } = schema;
  return {
    ...schema,
    ...(items !== undefined && { items: explained(items, shape) }),
    ...(anyOf !== undefined && { anyOf: anyOf.map((way) => explained(way, shape)) }),
    ...(properties !== undefined && {
      properties: Object.fromEntries(
        Object.entries(properties).map(([name, field]) => [name, described(field, shape, name)]),
      ),
    }),
  };
}

function described(field: JsonSchema, shape: string, name: string): JsonSchema {
  const description = WORDS[`${shape}.${name}`] ?? WORDS[name];
  return { ...(description !== undefined && { description }), ...explained(field, shape) };
}
