import { createExecutionContext } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { describe, expect, it } from "vitest";
import type { Env } from "../../src/env.ts";
import worker from "../../src/index.ts";
import { issue, keyPath, told, control } from "../support/control.ts";

/** A Worker behind a service binding that keeps what it was asked. */
function aBinding() {
  const asked: Request[] = [];
  const fetch = async (input: Request, init: RequestInit) => {
    asked.push(new Request(input, init));
    return new Response("from the binding", { headers: { "cache-control": "public" } });
  };
  return { asked, ORIGIN: { fetch } as unknown as Fetcher };
}

const ask = async (key: string, bindings: Partial<Env>, path = "/v1/x?a=b") =>
  worker.fetch(
    new Request(`https://api.example${path}`, { headers: { authorization: `Bearer ${key}` } }) as never,
    { ...env, ...bindings },
    createExecutionContext(),
  );

/** A key's object that answers this way and no other. */
const objectThat = (admit: () => Promise<unknown>) => ({
  KEYS: { getByName: () => ({ admit }) } as unknown as Env["KEYS"],
});

describe("the service binding ORIGIN", () => {
  it("gets the request under the client's own URL, with identity and without the credential", async () => {
    const { key, record } = await issue({ owner: "acme" });
    const { asked, ORIGIN } = aBinding();
    const response = await ask(key, { ORIGIN, ORIGIN_URL: "https://elsewhere.example" });
    expect([response.status, await response.text()]).toEqual([200, "from the binding"]);
    expect(response.headers.get("cache-control")).toBe("private");

    const [request] = asked;
    expect(request!.url).toBe("https://api.example/v1/x?a=b");
    expect(request!.redirect).toBe("manual");
    const headers = Object.fromEntries(request!.headers);
    expect(headers).toMatchObject({
      "rekey-key-id": record.id,
      "rekey-owner": "acme",
      "x-forwarded-host": "api.example",
      "x-forwarded-proto": "https",
    });
    expect(headers).not.toHaveProperty("authorization");
  });
});

describe("P11: a key that cannot be decided is refused", () => {
  it.each([
    ["its object throws", () => Promise.reject(new Error("overloaded"))],
    ["its object is silent", () => new Promise(() => {})],
  ])("%s: 503 with Retry-After, and the origin is not asked", async (_name, admit) => {
    const { key } = await issue();
    const { asked, ORIGIN } = aBinding();
    const response = await ask(key, { ORIGIN, DECISION_TIMEOUT_MS: "50", ...objectThat(admit) });
    expect(response.status).toBe(503);
    expect(await response.json()).toMatchObject({ code: "unavailable" });
    expect(response.headers.get("retry-after")).toBe("1");
    expect(response.headers.has("rekey-decision")).toBe(false);
    expect(asked).toEqual([]);
  });

  it("is asked about once, however it fails", async () => {
    const { key } = await issue();
    let calls = 0;
    const admit = () => Promise.reject(new Error(`attempt ${++calls}`));
    await ask(key, { ...aBinding(), ...objectThat(admit) });
    expect(calls).toBe(1);
  });
});

describe("P6: a refusal spends nothing, an admission one unit", () => {
  it("whatever stands in the way before the key's object", async () => {
    const issued = await issue({ quota: { limit: 2, period: "none" } });
    const { ORIGIN } = aBinding();
    await ask(issued.key, { ORIGIN }, "/a//b");
    await ask(issued.key, { ORIGIN }, `/a?k=${issued.key}`);
    await ask(issued.key, { ORIGIN }, "/a");
    expect(await told(control("GET", keyPath(issued)))).toMatchObject({ quota: { used: 1 } });
  });
});
