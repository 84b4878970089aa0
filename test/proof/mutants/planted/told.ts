import type { Mutant } from "../mutant.ts";

const RAISE = "src/key/suspicion-raise.ts";
const SENDING = "src/webhook-object/sending.ts";
const UNIT = { project: "unit", test: "test/unit/suspicion.test.ts" } as const;
const WEBHOOK = { project: "runtime", test: "test/runtime/webhook.test.ts" } as const;

/** Bugs in what people are told of: alerts, and the messages of webhooks. */
export const IN_WHAT_IS_TOLD: readonly Mutant[] = [
  {
    bug: "nobody sees that a secret is used whose time is over",
    breaks: "P13",
    file: "src/key/suspicion.ts",
    edits: [
      {
        from: "if (secret === undefined || secret.validUntil > now) return null;",
        to: "if (secret === undefined || secret.validUntil > 0) return null;",
      },
    ],
    catcher: UNIT,
  },
  {
    bug: "the same alert is told again and again",
    breaks: "P13",
    file: RAISE,
    edits: [{ from: "if (isQuiet && !suspends) return", to: "if (isQuiet && suspends) return" }],
    catcher: UNIT,
  },
  {
    bug: "an alert suspends its key with the second sighting, and not in the step that sees it",
    breaks: "P13",
    file: RAISE,
    edits: [{ from: "if (!suspends) return", to: "if (!suspends || last === undefined) return" }],
    catcher: { project: "runtime", test: "test/runtime/alerts.test.ts" },
  },
  {
    bug: "an alert is an event and no alert: no list of them shows it",
    breaks: "P13",
    file: "src/ledger/alerts.ts",
    edits: [{ from: "return rowTexts(alerts)", to: "return rowTexts([])" }],
    catcher: { project: "runtime", test: "test/runtime/control-alerts.test.ts" },
  },
  {
    bug: "a statement carries all rows there are, however large they are together",
    breaks: "P12",
    file: "src/ledger/row-texts.ts",
    edits: [{ from: "if (bytes + more > ROWS_BYTES) {", to: "if (texts.length === 0) {" }],
    catcher: { project: "runtime", test: "test/runtime/ledger.test.ts" },
  },
  {
    bug: "waits between attempts to tell the ledger grow to five minutes",
    breaks: "P12",
    file: "src/key-object/agenda.ts",
    edits: [{ from: "const LAST_RETRY_MS = 55_000;", to: "const LAST_RETRY_MS = 300_000;" }],
    catcher: { project: "runtime", test: "test/runtime/weather.test.ts" },
  },
  {
    bug: "an event keeps every value whole, however large it is",
    breaks: "P12",
    file: "src/key/event-making.ts",
    edits: [{ from: "text.length <= VALUE_BYTES ? value", to: "text.length >= 0 ? value" }],
    catcher: { project: "unit", test: "test/unit/event-making.test.ts" },
  },
  {
    bug: "a sample of a refusal keeps the whole path",
    breaks: "P12",
    file: "src/key-object/tally.ts",
    edits: [{ from: "cut(redact(call.path))", to: "redact(call.path)" }],
    catcher: { project: "runtime", test: "test/runtime/usage.test.ts" },
  },
  {
    bug: "a grace that ends early does so without a word",
    breaks: "P12",
    file: "src/key/install.ts",
    edits: [{ from: "ended !== undefined &&", to: "ended === null &&" }],
    catcher: { project: "unit", test: "test/unit/change.test.ts" },
  },
  {
    bug: "a key may be asked about itself without end",
    breaks: "P10",
    file: "src/key/self-asks.ts",
    edits: [{ from: "if (pace.ok) this.#taken = pace.next;", to: "" }],
    catcher: { project: "unit", test: "test/unit/self.test.ts" },
  },
  {
    bug: "a key that was purged stays on its owner's roll for ever",
    breaks: "P9",
    file: "src/owner-object/roll.ts",
    edits: [{ from: "DELETE FROM member WHERE key_id IN", to: "DELETE FROM member WHERE false AND key_id IN" }],
    catcher: { project: "runtime", test: "test/runtime/owner.test.ts" },
  },
  {
    bug: "what a refusal says of people is kept for ever, if nobody says otherwise",
    breaks: "P9",
    file: "src/env.ts",
    edits: [{ from: 'env.SIGHTINGS_RETENTION_DAYS || "90"', to: '"36500"' }],
    catcher: { project: "runtime", test: "test/runtime/retention.test.ts" },
  },
  {
    bug: "a proof believes that anything was forgotten for its age",
    breaks: "P12",
    file: "src/key/chain-proof.ts",
    edits: [{ from: "isForgotten(row) && row.at > forgottenUntil", to: "isForgotten(row) && row.at === 0" }],
    catcher: { project: "runtime", test: "test/runtime/retention.test.ts" },
  },
  {
    bug: "a sighting is forgotten although an earlier release has hashed all of it",
    breaks: "P12",
    file: "src/ledger/sightings.ts",
    edits: [{ from: "row.previous !== null && hashOf(row.previous, row) === row.hash", to: "row.hash !== null" }],
    catcher: { project: "runtime", test: "test/runtime/retention.test.ts" },
  },
  {
    bug: "a delivery is counted in events alone, however large they are",
    breaks: "P12",
    file: "src/key-object/book.ts",
    edits: [{ from: "left < 0 && events.length > 0", to: "left === Infinity" }],
    catcher: { project: "runtime", test: "test/runtime/delivery.test.ts" },
  },
  {
    bug: "a message that its receiver did not take is not sent again",
    breaks: "P12",
    file: SENDING,
    edits: [{ from: 'next === null ? "dead" : "pending"', to: '"dead"' }],
    catcher: WEBHOOK,
  },
  {
    bug: "a message is taken for delivered whatever its receiver says",
    breaks: "P12",
    file: SENDING,
    edits: [{ from: "if (outcome.because === null) {", to: 'if (outcome.because !== "gone") {' }],
    catcher: WEBHOOK,
  },
  {
    bug: "a message bears no signature",
    breaks: "P12",
    file: "src/webhook/attempt.ts",
    edits: [{ from: "...signatureHeaders(route.secrets,", to: "...signatureHeaders([]," }],
    catcher: WEBHOOK,
  },
];
