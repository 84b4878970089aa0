import { describe, expect, it } from "vitest";
import { startGateway } from "../support/gateway.ts";
import { startRekey } from "../support/rekey.ts";
import { testSecrets } from "../support/settings.ts";

const GATEWAY_PATHS = ["/", "/v1/orders", "/anything"];
const healthz = async (url: string) => (await fetch(`${url}/_rekey/healthz`)).json();

describe("MODE=verify", () => {
  it("has no gateway: every other path is 404, with a key and without, and Rekey's own answer", async () => {
    await using verifying = await startGateway({ vars: { MODE: "verify" } });
    const { key } = await verifying.issue();
    for (const path of GATEWAY_PATHS) {
      for (const credential of [key, "nobody's"]) {
        const response = await verifying.use(credential, path);
        expect(response.status).toBe(404);
        expect(await response.json()).toMatchObject({ code: "not-found" });
      }
    }
    expect(verifying.seen()).toEqual([]);
    expect(await verifying.control("POST", "/verify", { key })).toMatchObject({ valid: true });
  });
});

describe("settings that cannot be used", () => {
  const broken = {
    REKEY_ADMIN_TOKEN: "changeme",
    REKEY_PEPPERS: "a:short-and-secret",
    ORIGIN_URL: "ftp://user:pass@x",
    DECISION_TIMEOUT_MS: "0",
  };

  it("are named, all of them, and nothing is served but the news of being alive", async () => {
    await using rekey = await startRekey({ vars: broken });
    for (const path of [...GATEWAY_PATHS, "/_rekey/v1/keys", "/_rekey/readyz"]) {
      const response = await fetch(rekey.url + path, {
        headers: { authorization: `Bearer ${testSecrets.REKEY_ADMIN_TOKEN}` },
      });
      expect([path, response.status]).toEqual([path, 503]);
      expect(response.headers.get("rekey-request-id")).toMatch(/^req_/);
      const { code, detail } = await response.json<{ code: string; detail: string }>();
      expect(code).toBe("misconfigured");
      for (const setting of Object.keys(broken)) expect(detail).toContain(setting);
      for (const value of Object.values(broken)) expect(detail).not.toContain(value);
    }
    expect(await healthz(rekey.url)).toEqual({ status: "ok" });
    const log = rekey.logs.join("\n");
    for (const setting of Object.keys(broken)) expect(log).toContain(setting);
    expect(log).not.toContain("short-and-secret");
    expect(log).not.toContain("user:pass");
  });

  it("webhooks to this very machine are for local runs: what comes over the platform's network is not served", async () => {
    await using gateway = await startGateway({ vars: { WEBHOOKS_TO_LOOPBACK: "allow" } });
    const { key } = await gateway.issue();
    const bearers = [key, testSecrets.REKEY_ADMIN_TOKEN];
    for (const path of [...GATEWAY_PATHS, "/_rekey/v1/webhooks", "/_rekey/readyz"]) {
      for (const bearer of bearers) {
        const headers = { authorization: `Bearer ${bearer}`, "cf-ray": "8a1b2c3d4e5f6789-FRA" };
        const response = await fetch(gateway.rekey.url + path, { headers });
        expect([path, response.status]).toEqual([path, 503]);
        expect(await response.json()).toMatchObject({
          code: "misconfigured",
          detail: "These settings cannot be used: WEBHOOKS_TO_LOOPBACK.",
        });
      }
      // Locally, where that name is not given, all is as ever.
      const local = await fetch(gateway.rekey.url + path, { headers: { authorization: `Bearer ${bearers[1]}` } });
      expect(local.status).not.toBe(503);
    }
    expect(await healthz(gateway.rekey.url)).toEqual({ status: "ok" });
  });

  it("the control: with good ones the same paths are served", async () => {
    await using good = await startGateway();
    const { key } = await good.issue();
    for (const path of GATEWAY_PATHS) expect((await good.use(key, path)).status).toBe(200);
    expect(await healthz(good.rekey.url)).toEqual({ status: "ok" });
  });
});

describe("CREDENTIAL_HEADER", () => {
  it("narrows the credential to one header, and no credential of ours in the other is passed on", async () => {
    await using narrow = await startGateway({ vars: { CREDENTIAL_HEADER: "x-api-key" } });
    const [one, other] = [await narrow.issue(), await narrow.issue()];
    expect((await narrow.useRaw(one.key, "GET /")).status).toBe(401);
    expect((await narrow.useRaw(null, "GET /", [`X-API-Key: ${one.key}`])).status).toBe(200);
    narrow.seen();
    expect((await narrow.useRaw(other.key, "GET /", [`X-API-Key: ${one.key}`])).status).toBe(200);
    const [seen] = narrow.seen();
    expect(seen!.headers).toContainEqual(["rekey-key-id", one.id]);
    expect(JSON.stringify(seen)).not.toContain(other.key);
  });
});
