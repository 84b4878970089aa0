import { webcrypto } from "node:crypto";
import { describe, expect, it } from "vitest";
import { epochMs } from "../../src/key/time.ts";
import {
  afterFailure,
  afterSuccess,
  GIVE_UP_MS,
  resumed,
  rotated,
  signingSecrets,
  type Endpoint,
} from "../../src/webhook/endpoint.ts";
import { newWebhookId, type MessageId } from "../../src/webhook/id.ts";
import { RETRY_AFTER_MS, retryAt } from "../../src/webhook/retry.ts";
import { newWebhookSecret, signatureHeaders, type WebhookSecret } from "../../src/webhook/signature.ts";
import { namesSome, wants } from "../../src/webhook/subscription.ts";

const random = (bytes: Uint8Array<ArrayBuffer>) => webcrypto.getRandomValues(bytes);
const at = epochMs(1_000_000_000_000);
const DAY = 24 * 60 * 60_000;

const endpoint = (over: Partial<Endpoint> = {}): Endpoint => ({
  id: newWebhookId(random),
  owner: null,
  url: "https://hooks.example.com",
  description: null,
  events: ["*"],
  createdAt: at,
  revision: 1,
  disabledBecause: null,
  failingSince: null,
  failuresInARow: 0,
  version: 1,
  secrets: [{ text: "whsec_one" as WebhookSecret, validUntil: null }],
  ...over,
});

describe("a signature", () => {
  // The example of the specification, and what its reference libraries make of it.
  it("is the one that Standard Webhooks has for its example", () => {
    const secret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw" as WebhookSecret;
    const id = "msg_p5jXN8AQM9LWM0D4loKWxJek" as MessageId;
    expect(signatureHeaders([secret], { id, atSeconds: 1614265330, body: '{"test": 2432232314}' })).toEqual({
      "webhook-id": "msg_p5jXN8AQM9LWM0D4loKWxJek",
      "webhook-timestamp": "1614265330",
      "webhook-signature": "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=",
    });
  });

  it("is checked by somebody else's HMAC, for every secret that signs, in its order", async () => {
    const secrets = [newWebhookSecret(random), newWebhookSecret(random)];
    expect(secrets[0]).toMatch(/^whsec_[A-Za-z0-9+/]{43}=$/);
    const signed = { id: "evt_0123456789abcdef_7" as MessageId, atSeconds: 1_700_000_000, body: '{"ä":"€"}' };
    const signatures = signatureHeaders(secrets, signed)["webhook-signature"].split(" ");
    for (const [index, secret] of secrets.entries()) {
      const raw = Uint8Array.from(atob(secret.slice(6)), (char) => char.charCodeAt(0));
      const key = await webcrypto.subtle.importKey("raw", raw, { name: "HMAC", hash: "SHA-256" }, false, ["verify"]);
      const mac = Uint8Array.from(atob(signatures[index]!.slice("v1,".length)), (char) => char.charCodeAt(0));
      const text = new TextEncoder().encode(`${signed.id}.${signed.atSeconds}.${signed.body}`);
      expect(await webcrypto.subtle.verify("HMAC", key, mac, text)).toBe(true);
    }
    expect(signatures.length).toBe(2);
  });
});

describe("a message that fails", () => {
  it("is tried twelve times in almost three days, each wait as planned or up to a fifth longer", () => {
    const waits = RETRY_AFTER_MS.map((_, index) => retryAt(index + 1, at, 0, null)! - at);
    expect(waits).toEqual([5, 30, 120, 600, 1800, 3600, 10_800, 21_600, 43_200, 86_400, 86_400].map((s) => s * 1000));
    expect(RETRY_AFTER_MS.map((_, index) => retryAt(index + 1, at, 1 - 2 ** -53, null)! - at)).toEqual(
      waits.map((wait) => wait * 1.2),
    );
    expect(retryAt(12, at, 0, null)).toBeNull();
  });

  it("waits as long as the receiver asks, if that is longer, but not for more than an hour", () => {
    expect(retryAt(1, at, 0, 60)! - at).toBe(60_000);
    expect(retryAt(3, at, 0, 60)! - at).toBe(120_000);
    expect(retryAt(1, at, 0, 999_999_999)! - at).toBe(3_600_000);
  });
});

describe("a subscription", () => {
  it.each([
    [["*"], "key.rotated", true],
    [["key.rotated"], "key.rotated", true],
    [["key.rotated"], "key.revoked", false],
    [["key.*"], "key.rotated", true],
    [["key.*"], "keyring.opened", false],
    [["key.*"], "key", false],
    [["alert.*", "key.revoked"], "key.revoked", true],
    [[], "key.revoked", false],
  ])("to %j wants %s: %s", (patterns, type, wanted) => {
    expect(wants(patterns, type)).toBe(wanted);
  });

  it.each([
    ["*", true],
    ["key.*", true],
    ["key.rotated", true],
    ["key.rotate", false],
    ["key*", false],
    ["*.rotated", false],
    [".*", false],
    ["", false],
  ])("to %s names a type that there is: %s", (pattern, expected) => {
    expect(namesSome(pattern, ["key.rotated", "key.revoked"])).toBe(expected);
  });
});

describe("an endpoint", () => {
  const two = "whsec_two" as WebhookSecret;
  const three = "whsec_three" as WebhookSecret;

  it("signs with both secrets until the overlap ends, not a millisecond longer", () => {
    const after = rotated(endpoint(), two, 60, at);
    expect(signingSecrets(after, at)).toEqual(["whsec_two", "whsec_one"]);
    expect(signingSecrets(after, epochMs(at + 59_999))).toEqual(["whsec_two", "whsec_one"]);
    expect(signingSecrets(after, epochMs(at + 60_000))).toEqual(["whsec_two"]);
  });

  it("ends every older secret at once where no overlap is wanted", () => {
    const after = rotated(rotated(endpoint(), two, 600, at), three, 0, at);
    expect(signingSecrets(after, at)).toEqual(["whsec_three"]);
  });

  it("never prolongs a secret that was to end", () => {
    const after = rotated(rotated(endpoint(), two, 10, at), three, 600, at);
    expect(signingSecrets(after, epochMs(at + 10_000))).toEqual(["whsec_three", "whsec_two"]);
  });

  it("signs with four secrets at most, however fast they are rotated", () => {
    let now = endpoint();
    for (let round = 0; round < 9; round++) now = rotated(now, `whsec_${round}` as WebhookSecret, 600, at);
    expect(signingSecrets(now, at)).toEqual(["whsec_8", "whsec_7", "whsec_6", "whsec_5"]);
  });

  it("is disabled when nothing has arrived for as long as a message is retried, not before, and not by a failure after a success", () => {
    const failing = afterFailure(endpoint(), at, false);
    expect(afterFailure(failing, epochMs(at + GIVE_UP_MS - 1), false).disabledBecause).toBeNull();
    expect(afterFailure(failing, epochMs(at + GIVE_UP_MS), false)).toMatchObject({
      disabledBecause: "failing",
      failingSince: at,
      failuresInARow: 2,
      revision: 2,
    });
    const arrived = afterSuccess(failing);
    expect(afterFailure(arrived, epochMs(at + 9 * DAY), false)).toMatchObject({
      disabledBecause: null,
      failuresInARow: 1,
    });
  });

  it("is disabled at once by 410, and begins anew when it is resumed", () => {
    const gone = afterFailure(endpoint(), at, true);
    expect(gone).toMatchObject({ disabledBecause: "gone", revision: 2 });
    expect(resumed(gone)).toEqual(endpoint({ id: gone.id, revision: 3 }));
  });

  it("that never failed stays the same object after a success", () => {
    const before = endpoint();
    expect(afterSuccess(before)).toBe(before);
  });
});
