import { readdir, stat } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { codeOf, startGateway, type Gateway, type IssuedKey } from "../support/gateway.ts";
import { tally } from "../support/over-http.ts";
import { sendRaw, rawRequest } from "../support/raw-http.ts";

const LIMIT = 20;
const FLOOD = 300;

let gateway: Gateway;
let key: IssuedKey;
beforeAll(async () => {
  gateway = await startGateway({ faultyLedger: true, shields: { FAILURES: LIMIT, ADMIN_FAILURES: 5 } });
  key = await gateway.issue({ quota: { limit: 1_000, period: "day" } });
});
afterAll(() => gateway[Symbol.asyncDispose]());

/** The simulator counts by minutes of the clock. Numbers are exact only within one, so none begins close to its end. */
beforeEach(async () => {
  const intoMinuteMs = Date.now() % 60_000;
  if (intoMinuteMs > 45_000) await new Promise((resolve) => setTimeout(resolve, 60_000 - intoMinuteMs));
});

let last = 0;
/** An address that nobody in this file has come from yet. */
const anAddress = () => `198.51.100.${(last += 1)}`;
const from = (address: string) => `CF-Connecting-IP: ${address}`;

/** What so many requests with this credential get, one after the other, from one address. */
async function flood(
  credential: string | null,
  address: string,
  times = FLOOD,
  path = "/",
): Promise<Record<string, number>> {
  const codes: string[] = [];
  for (let i = 0; i < times; i++) {
    const answer = await gateway.useRaw(credential, `GET ${path}`, [from(address)]);
    codes.push(answer.status === 200 ? "admitted" : codeOf(answer));
  }
  return tally(codes);
}

describe("A1: a flood of bad credentials from one address", () => {
  it("meets the shield after its limit, which asks it to wait; no object is created, no question put to the ledger", async () => {
    const address = anAddress();
    const objects = await gateway.rekey.objectIds();
    const questions = await gateway.rekey.ledgerQuestions();
    expect(await flood("junk", address)).toEqual({ "invalid-key": LIMIT, "too-many-failures": FLOOD - LIMIT });
    const answer = await gateway.useRaw("junk", "GET /", [from(address)]);
    expect([answer.status, answer.headers.get("retry-after")]).toEqual([429, "60"]);
    expect(await gateway.rekey.objectIds()).toEqual(objects);
    expect(await gateway.rekey.ledgerQuestions()).toBe(questions);
  });

  it("slows no valid key, not even from that address, and no other address", async () => {
    const address = anAddress();
    await flood("junk", address, LIMIT + 5);
    expect(await flood(key.key, address, 50)).toEqual({ admitted: 50 });
    expect(await flood("junk", anAddress(), 1)).toEqual({ "invalid-key": 1 });
    expect(await flood("junk", address, 1)).toEqual({ "too-many-failures": 1 });
  });

  it("is not what a request without any credential is, nor one that is refused for another reason", async () => {
    const address = anAddress();
    expect(await flood(null, address, LIMIT + 5)).toEqual({ "missing-credentials": LIMIT + 5 });
    const bound = await gateway.issue({ allowedIps: ["203.0.113.0/24"] });
    expect(await flood(bound.key, address, LIMIT + 5)).toEqual({ "ip-not-allowed": LIMIT + 5 });
    expect(await flood("junk", address, 1)).toEqual({ "invalid-key": 1 });
  });

  it("is told to pages of other sites and proxies alike", async () => {
    const address = anAddress();
    const ask = () =>
      sendRaw(
        gateway.rekey.url,
        rawRequest(gateway.rekey.url, "GET /_rekey/v1/forward-auth/caddy/x HTTP/1.1", [
          "Rekey-Proxy-Token: T3st-proxy-token_of-256-bits_0123456789zyxwvuts",
          `X-Forwarded-For: ${address}`,
          "Authorization: Bearer junk",
        ]),
      );
    for (let i = 0; i < LIMIT; i++) expect((await ask()).status).toBe(401);
    expect((await ask()).status).toBe(429);
  });
});

describe("A16: who tries admin tokens", () => {
  const control = (token: string, address: string, path = "/_rekey/v1/keys") =>
    sendRaw(
      gateway.rekey.url,
      rawRequest(gateway.rekey.url, `GET ${path} HTTP/1.1`, [`Authorization: Bearer ${token}`, from(address)]),
    );

  it("gets far fewer attempts, and the right token is never refused for them", async () => {
    const address = anAddress();
    const codes: string[] = [];
    for (let i = 0; i < 10; i++) codes.push(codeOf(await control(`guess-${i}`, address)));
    expect(tally(codes)).toEqual({ "invalid-key": 5, "too-many-failures": 5 });
    expect((await control(gateway.rekey.adminToken, address)).status).toBe(200);
  });

  it("a holder's own mistakes count as a client's", async () => {
    const address = anAddress();
    const codes: string[] = [];
    for (let i = 0; i < LIMIT + 1; i++) codes.push(codeOf(await control("junk", address, "/_rekey/v1/self")));
    expect(tally(codes)).toEqual({ "invalid-key": LIMIT, "too-many-failures": 1 });
  });
});

describe("A2: a flood with a retired real credential", () => {
  /** How many bytes the storage of all objects has, write-ahead logs included: what is written shows here. */
  async function bytesWritten(): Promise<number> {
    const files = await readdir(gateway.rekey.storage, { recursive: true });
    const written = files.filter((file) => /KeyObject/.test(file) && /\.sqlite(?:-wal)?$/.test(file));
    expect(written.length).toBeGreaterThan(0);
    const sizes = await Promise.all(written.map((file) => stat(join(gateway.rekey.storage, file))));
    return sizes.reduce((sum, { size }) => sum + size, 0);
  }

  it("leaves the live key as it was: its quota, its answers, and next to nothing written", async () => {
    const { key: live } = await gateway.control("POST", `/keys/${key.id}/rotate`, {});
    const record = () => gateway.control("GET", `/keys/${key.id}`);
    expect(await flood(live as string, anAddress(), 5)).toEqual({ admitted: 5 });
    const before = (await record()) as { quota: { used: number }; revision: number };

    // What the same number of admissions would write.
    const atRest = await bytesWritten();
    await flood(live as string, anAddress(), 100);
    const byAdmissions = (await bytesWritten()) - atRest;

    const calm = await bytesWritten();
    expect(await flood(key.key, anAddress(), 2 * LIMIT)).toEqual({ "key-rotated": LIMIT, "too-many-failures": LIMIT });
    for (let i = 0; i < 5; i++) await flood(key.key, anAddress(), LIMIT);
    const byFlood = (await bytesWritten()) - calm;
    expect(byAdmissions).toBeGreaterThan(0);
    expect(byFlood).toBeLessThanOrEqual(byAdmissions / 4);

    const after = (await record()) as typeof before;
    expect(after.quota.used).toBe(before.quota.used + 100);
    expect(after.revision).toBe(before.revision);
    expect(await flood(live as string, anAddress(), 5)).toEqual({ admitted: 5 });
  });
});
