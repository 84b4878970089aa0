import { generateKeyPairSync } from "node:crypto";
import { createLocalJWKSet, createRemoteJWKSet, decodeProtectedHeader, jwtVerify, type JSONWebKeySet } from "jose";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { startGateway, valuesOf, type Gateway } from "../support/gateway.ts";
import { startRekey } from "../support/rekey.ts";

let gateway: Gateway;
beforeAll(async () => {
  const ROUTES = JSON.stringify([
    { path: "/plain", assertion: false },
    { path: "/*", assertion: true },
  ]);
  gateway = await startGateway({ vars: { ROUTES } });
});
afterAll(() => gateway[Symbol.asyncDispose]());

const jwksUrl = (of: Gateway) => new URL(`${of.rekey.url}/_rekey/jwks.json`);
async function publishedBy(of: Gateway): Promise<JSONWebKeySet> {
  const response = await fetch(jwksUrl(of));
  return response.json<JSONWebKeySet>();
}

/** The assertion with which a request arrived. */
async function assertionOf(of: Gateway, key: string, path: string, init: RequestInit = {}): Promise<string> {
  of.seen();
  expect((await of.use(key, path, init)).status).toBe(200);
  const [assertion] = valuesOf(of.seen()[0], "rekey-assertion");
  return assertion!;
}

const aKey = (kid: string) => ({ ...generateKeyPairSync("ed25519").privateKey.export({ format: "jwk" }), kid });

describe("an assertion", () => {
  it("says who was admitted to which request, for a minute, and can be checked with what is published", async () => {
    const { key, id } = await gateway.issue({ owner: "acme", scopes: ["orders:read", "a:b"] });
    const before = Math.floor(Date.now() / 1000);
    const assertion = await assertionOf(gateway, key, "/v1/orders?a=b", { method: "POST", body: "x" });
    const { payload, protectedHeader } = await jwtVerify(assertion, createRemoteJWKSet(jwksUrl(gateway)));
    expect(protectedHeader).toEqual({ alg: "EdDSA", kid: "2026-11", typ: "JWT" });
    expect(payload).toEqual({
      iss: "rekey",
      sub: id,
      aud: new URL(gateway.rekey.url).host,
      htm: "POST",
      path: "/v1/orders",
      version: 1,
      owner: "acme",
      scope: "orders:read a:b",
      jti: expect.stringMatching(/^req_[0-9a-f]{32}$/),
      iat: expect.any(Number),
      exp: payload.iat! + 60,
    });
    expect(payload.iat! - before).toBeLessThanOrEqual(5);
  });

  it("speaks of the path that is forwarded, and of the version that was used", async () => {
    const { key, id } = await gateway.issue();
    const { key: next } = await gateway.control("POST", `/keys/${id}/rotate`, {});
    expect(key).not.toBe(next);
    const assertion = await assertionOf(gateway, next as string, "/a/../%62?c");
    const { payload } = await jwtVerify(assertion, createRemoteJWKSet(jwksUrl(gateway)));
    expect(payload).toMatchObject({ path: "/b", version: 2, scope: "" });
    expect(payload).not.toHaveProperty("owner");
  });

  it("is there only where the rule asks for it, and never the client's own", async () => {
    const { key } = await gateway.issue();
    expect((await gateway.useRaw(key, "GET /plain", ["Rekey-Assertion: mine", "rekey_assertion: mine"])).status).toBe(
      200,
    );
    expect(JSON.stringify(gateway.seen())).not.toContain("mine");
    expect((await gateway.useRaw(key, "GET /", ["Rekey-Assertion: mine"])).status).toBe(200);
    expect(valuesOf(gateway.seen()[0], "rekey-assertion")).not.toContain("mine");
  });
});

describe("the published keys", () => {
  it("have no private part", async () => {
    const { keys } = await publishedBy(gateway);
    expect(keys.map((key) => Object.keys(key).toSorted())).toEqual([["alg", "crv", "kid", "kty", "use", "x"]]);
  });

  it("overlap while one follows the other: at every step an origin with either set believes what is signed", async () => {
    const [old, next] = [aKey("old"), aKey("next")];
    const steps = [{ keys: [old] }, { keys: [next, old] }, { keys: [old, next] }, { keys: [next] }];
    const signers: string[] = [];
    let known: JSONWebKeySet | null = null;
    for (const step of steps) {
      await using at = await startGateway({ vars: { REKEY_ASSERTION_KEY: JSON.stringify(step) } });
      const { key } = await at.issue();
      const assertion = await assertionOf(at, key, "/");
      const published = await publishedBy(at);
      signers.push(decodeProtectedHeader(assertion).kid!);
      // Also the origin that fetched the set before this step was deployed.
      for (const set of known === null ? [published] : [known, published]) {
        expect((await jwtVerify(assertion, createLocalJWKSet(set))).payload.iss).toBe("rekey");
      }
      known = published;
    }
    expect(signers).toEqual(["old", "old", "next", "next"]);
  });

  it("must be there if a rule asks for assertions: nothing is served without", async () => {
    await using rekey = await startRekey({ vars: { REKEY_ASSERTION_KEY: "" } });
    const answer = await fetch(rekey.url);
    expect(answer.status).toBe(503);
    expect(await answer.json()).toMatchObject({
      code: "misconfigured",
      detail: expect.stringContaining("REKEY_ASSERTION_KEY"),
    });
  });
});
