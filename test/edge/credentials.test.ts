import { createHmac } from "node:crypto";
import { crc32 } from "node:zlib";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import type { AbortPoint } from "../support/abort-points.ts";
import { codeOf, startGateway, type Gateway, type IssuedKey } from "../support/gateway.ts";
import { testSecrets } from "../support/settings.ts";

let gateway: Gateway;
let good: IssuedKey;
beforeAll(async () => {
  gateway = await startGateway({ faultyLedger: true });
  good = await gateway.issue();
});
beforeEach(() => void gateway.seen());
afterAll(() => gateway[Symbol.asyncDispose]());

const DIGITS = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
const inBase62 = (value: bigint, width: number): string =>
  Array.from({ length: width }, (_, at) => DIGITS[Number((value / 62n ** BigInt(width - 1 - at)) % 62n)]).join("");
const withChecksum = (text: string) => text + inBase62(BigInt(crc32(text)), 6);

/** The same key id with another secret and a tag of our own: what only somebody who knows the pepper could make. */
function withOtherSecret(key: string, pepper = testSecrets.REKEY_PEPPERS.slice(2)): string {
  const tagged = key.slice(0, -49) + "S".repeat(32);
  const mac = createHmac("sha256", pepper).update(tagged).digest("hex").slice(0, 16);
  return withChecksum(tagged + inBase62(BigInt(`0x${mac}`), 11));
}
/** A right checksum and a wrong tag: what anybody can make who has read the documentation. */
const forged = (key: string) => withChecksum(withOtherSecret(key).slice(0, -17) + "0".repeat(11));
const mistyped = (key: string) => key.slice(0, -1) + (key.endsWith("0") ? "1" : "0");

/** Arms an abort point of a key's object, or only asks how many objects were woken so far. */
async function atDoor(body: { readonly key: string; readonly point?: AbortPoint }): Promise<{ woken: number }> {
  const init = { method: "POST", body: JSON.stringify(body) };
  return (await fetch(`${gateway.rekey.url}/_abort-point`, init)).json<{ woken: number }>();
}

/** Everything of an answer that a caller can see, with the one thing that may differ taken out. */
async function visible(response: Response) {
  const headers = Object.fromEntries(response.headers);
  const requestId = headers["rekey-request-id"]!;
  const body = (await response.text()).replaceAll(requestId, "REQUEST");
  return { status: response.status, headers: { ...headers, "rekey-request-id": "REQUEST" }, body };
}

describe("A1: junk is refused without asking anybody", () => {
  it("no object is called or made, no question is put to the ledger, nothing reaches the origin", async () => {
    const victim = await gateway.issue();
    // Its object ends, so that whatever reaches it wakes it.
    await atDoor({ key: victim.id, point: "after the sync" });
    expect((await gateway.use(victim.key)).status).toBe(503);
    const { woken } = await atDoor({ key: victim.id });
    gateway.seen();
    const objects = await gateway.rekey.objectIds();
    const questions = await gateway.rekey.ledgerQuestions();

    const junk = [
      "x",
      "rk_live_",
      "x".repeat(10_000),
      victim.key.slice(0, 40),
      mistyped(victim.key),
      forged(victim.key),
      withOtherSecret(victim.key, "another-pepper-of-256-bits_9876543210zyxwvutsrq"),
      withChecksum(victim.key.slice(0, -6).replace("_1a", "_1b")),
    ];
    const answers = await Promise.all(
      Array.from({ length: 400 }, (_, at) => gateway.use(junk[at % junk.length]!).then(visible)),
    );

    expect(new Set(answers.map((answer) => JSON.stringify(answer))).size).toBe(1);
    expect(answers[0]).toMatchObject({ status: 401, body: expect.stringContaining('"code":"invalid-key"') });
    expect((await atDoor({ key: victim.id })).woken).toBe(woken);
    expect(await gateway.rekey.objectIds()).toEqual(objects);
    expect(await gateway.rekey.ledgerQuestions()).toBe(questions);
    expect(gateway.seen()).toEqual([]);
    // The control: a credential that is not junk does wake it.
    await gateway.use(withOtherSecret(victim.key));
    expect((await atDoor({ key: victim.id })).woken).toBe(woken + 1);
  });
});

describe("A2: a flood with a retired credential", () => {
  it("uses up nothing of the live key, and writes two alerts, however long it is", async () => {
    const limits = {
      quota: { limit: 3, period: "day" },
      rateLimits: [{ name: "burst", algorithm: "window", limit: 3, windowSeconds: 3600 }],
    };
    const old = await gateway.issue(limits);
    const { key: live } = await gateway.control("POST", `/keys/${old.id}/rotate`, {});
    const rows = () => gateway.rekey.objectSql(old.id, "SELECT count(*) AS events FROM event");
    const [before] = await rows();

    const refused = await Promise.all(Array.from({ length: 200 }, () => gateway.use(old.key).then(visible)));
    expect(new Set(refused.map(({ status }) => status))).toEqual(new Set([401]));
    expect(refused[0]!.body).toContain('"code":"key-rotated"');

    // One that a retired secret is used, one that so many are refused, of which the object hears within a second or two:
    // no third, however often.
    const told = [{ events: Number(before!["events"]) + 2 }];
    await expect.poll(() => gateway.use(old.key).then(rows), { timeout: 30_000, interval: 200 }).toEqual(told);
    for (let use = 0; use < 20; use++) await gateway.use(old.key);
    expect(await rows()).toEqual(told);
    const admitted = [];
    for (let use = 0; use < 4; use++) admitted.push((await gateway.use(live as string)).status);
    expect(admitted).toEqual([200, 200, 200, 429]);
  });
});

describe("A3: nobody learns which keys exist", () => {
  it("unknown id, wrong secret, wrong tag, wrong checksum: one answer, byte for byte", async () => {
    const strangers = {
      malformed: "rk_live_x",
      wrongChecksum: mistyped(good.key),
      wrongTag: forged(good.key),
      wrongSecret: withOtherSecret(good.key),
      unknownId: withOtherSecret(good.key.replace(good.id.slice(4), "U".repeat(16))),
    };
    const answers = await Promise.all(Object.values(strangers).map(async (key) => visible(await gateway.use(key))));
    for (const answer of answers) expect(answer).toEqual(answers[0]);
    expect(answers[0]!.headers).toEqual({
      "cache-control": "no-store",
      "content-length": expect.any(String),
      "content-type": "application/problem+json",
      "rekey-request-id": "REQUEST",
      "www-authenticate": 'Bearer error="invalid_token"',
      "x-content-type-options": "nosniff",
    });
  });

  it("not even by raw bytes", async () => {
    const raw = async (key: string) => {
      const { status, headers, body } = await gateway.useRaw(key, "GET /");
      const requestId = headers.get("rekey-request-id")!;
      return JSON.stringify([status, [...headers], body]).replaceAll(requestId, "REQUEST");
    };
    expect(await raw(withOtherSecret(good.key))).toBe(await raw(forged(good.key)));
  });
});

describe("A4: a credential anywhere but in its header", () => {
  it.each([
    ["?api_key=KEY", "credentials-in-url"],
    ["?a=1&k=KEY&b=2", "credentials-in-url"],
    ["?k=ESCAPED", "credentials-in-url"],
    ["/bot/KEY/send", "credentials-in-url"],
  ])("in the URL, as %s: refused, also with a good header beside it", async (path, code) => {
    const other = await gateway.issue();
    const place = (key: string) => `/x${path}`.replace("KEY", key).replace("ESCAPED", key.replaceAll("_", "%5f"));
    for (const url of [place(other.key), place(good.key)]) {
      const answer = await gateway.useRaw(good.key, `GET ${url}`);
      expect([answer.status, codeOf(answer)]).toEqual([400, code]);
    }
    expect(codeOf(await gateway.useRaw(null, `GET ${place(good.key)}`))).toBe(code);
    expect(gateway.seen()).toEqual([]);
  });

  it("in a fragment: it never arrives", async () => {
    const answer = await gateway.useRaw(null, `GET /x#${good.key}`);
    expect(codeOf(answer)).toBe("missing-credentials");
  });

  it("in a cookie: does not count, is not forwarded, and the other cookies are", async () => {
    const answer = await gateway.useRaw(null, "GET /", [`Cookie: key=${good.key}`]);
    expect(codeOf(answer)).toBe("missing-credentials");

    expect((await gateway.useRaw(good.key, "GET /", [`Cookie: a=1; key=${good.key}; b=2`])).status).toBe(200);
    const [seen] = gateway.seen();
    expect(JSON.stringify(seen)).not.toContain(good.key);
    expect(seen!.headers).toContainEqual(["cookie", "a=1; b=2"]);
  });

  it("in the body: does not count", async () => {
    const body = `api_key=${good.key}`;
    const answer = await gateway.useRaw(null, "POST /", [`Content-Length: ${body.length}`], body);
    expect(codeOf(answer)).toBe("missing-credentials");
  });

  it.each(["X-Auth-Token", "Referer", "X-Anything"])("in %s beside the right header: not forwarded", async (name) => {
    expect((await gateway.useRaw(good.key, "GET /", [`${name}: https://x.example/?k=${good.key}`])).status).toBe(200);
    expect(JSON.stringify(gateway.seen())).not.toContain(good.key);
  });

  it("is never logged, wherever it stood", () => {
    const secret = good.key.slice(-49, -17);
    expect(gateway.rekey.logs.filter((line) => line.includes(secret))).toEqual([]);
  });
});

describe("A5: what only bytes can say", () => {
  it.each<[string, readonly string[], number, string | null]>([
    [
      "two Authorization headers",
      ["Authorization: Bearer KEY", "Authorization: Bearer KEY"],
      400,
      "ambiguous-credentials",
    ],
    ["ours behind somebody's", ["Authorization: Bearer x", "Authorization: Bearer KEY"], 400, "ambiguous-credentials"],
    ["ours behind Basic", ["Authorization: Basic dTpw", "Authorization: Bearer KEY"], 400, "ambiguous-credentials"],
    ["two X-API-Key headers", ["X-API-Key: KEY", "X-API-Key: KEY"], 400, "ambiguous-credentials"],
    ["both kinds", ["Authorization: Bearer KEY", "X-API-Key: KEY"], 400, "ambiguous-credentials"],
    ["a trailing comma", ["X-API-Key: KEY,"], 400, "ambiguous-credentials"],
    ["a tab for the space", ["Authorization: Bearer\tKEY"], 400, "ambiguous-credentials"],
    ["a high byte behind it", ["X-API-Key: KEY\xe9"], 401, "invalid-key"],
    ["a high byte before it", ["Authorization: Bearer \xffKEY"], 401, "invalid-key"],
    // These the runtime refuses before the Worker hears of them.
    ["a folded header", ["Authorization: Bearer", " KEY"], 400, null],
    ["a folded header with a tab", ["X-API-Key:", "\tKEY"], 400, null],
    ["a space before the colon", ["Authorization : Bearer KEY"], 400, null],
    ["a NUL in the value", ["X-API-Key: KEY\0"], 400, null],
    ["a NUL in the name", ["X-API-Key\0: KEY"], 400, null],
    ["a bare carriage return", ["X-API-Key: KEY\rX: y"], 400, null],
  ])("%s", async (_name, headers, status, code) => {
    const lines = headers.map((line) => line.replace("KEY", good.key));
    const answer = await gateway.useRaw(null, "GET /", lines);
    expect(answer.status).toBe(status);
    expect(answer.headers.has("rekey-request-id") ? codeOf(answer) : null).toBe(code);
    expect(gateway.seen()).toEqual([]);
  });
});

describe("A6: only Bearer, in any case", () => {
  it.each(["Bearer", "bearer", "BEARER", "bEaReR"])("%s counts", async (scheme) => {
    expect((await gateway.useRaw(null, "GET /", [`Authorization: ${scheme} ${good.key}`])).status).toBe(200);
  });

  it.each(["Basic", "Token", "ApiKey", "Digest", "Negotiate", ""])("%s does not", async (scheme) => {
    const answer = await gateway.useRaw(null, "GET /", [`Authorization: ${scheme} ${good.key}`]);
    expect([answer.status, codeOf(answer)]).toEqual([401, "missing-credentials"]);
    expect(answer.headers.get("www-authenticate")).toBe("Bearer");
  });

  it("X-API-Key counts, and the Authorization beside it passes untouched", async () => {
    const lines = ["Authorization: Bearer eyJhbGciOiJFZERTQSJ9.e30.c2ln", `X-API-Key: ${good.key}`];
    expect((await gateway.useRaw(null, "GET /", lines)).status).toBe(200);
    const [seen] = gateway.seen();
    expect(seen!.headers).toContainEqual(["authorization", "Bearer eyJhbGciOiJFZERTQSJ9.e30.c2ln"]);
    expect(seen!.headers.map(([name]) => name)).not.toContain("x-api-key");
  });
});
