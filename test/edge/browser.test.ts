import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { STORY } from "../../src/control/openapi/story.ts";
import { described, type Described } from "../support/contract.ts";
import { startRekey, type Rekey } from "../support/rekey.ts";

// What another site's page can make a visitor's browser send. It has no token to send along; these hold even if it had.

let rekey: Rekey;
beforeAll(async () => {
  rekey = await startRekey();
});
afterAll(() => rekey.stop());

const FOREIGN = { origin: "https://elsewhere.example", "sec-fetch-site": "cross-site", "sec-fetch-mode": "cors" };

const each = (places: readonly Described[]) => places.map((place) => [`${place.method} ${place.path}`, place] as const);

/** The path with something well-formed in place of each parameter. */
const pathOf = ({ path }: Described): string =>
  path
    .replace("reservations/{id}", "reservations/res_0000000000000000_0000000000000000")
    .replace("webhooks/{id}", "webhooks/wh_0000000000000000")
    .replace("alerts/{id}", "alerts/alert_0000000000000000_1")
    .replace("{id}", "key_0000000000000000")
    .replace("{owner}", "acme")
    .replace("{code}", "conflict");

const corsHeaders = (response: Response): readonly string[] =>
  [...response.headers.keys()].filter((name) => name.startsWith("access-control-"));

describe("no page of another site may read an answer, or ask with more than a plain request", () => {
  it.each(each(described))("%s", async (_name, place) => {
    const answer = await fetch(rekey.url + pathOf(place), {
      method: place.method,
      headers: { ...FOREIGN, authorization: `Bearer ${rekey.adminToken}` },
    });
    await answer.body?.cancel();
    expect(corsHeaders(answer)).toEqual([]);
    expect(answer.headers.getSetCookie()).toEqual([]);

    const preflight = await fetch(rekey.url + pathOf(place), {
      method: "OPTIONS",
      headers: {
        ...FOREIGN,
        "access-control-request-method": place.method,
        "access-control-request-headers": "authorization,content-type,idempotency-key",
      },
    });
    expect(preflight.status).toBe(405);
    expect(await preflight.json()).toMatchObject({ code: "method-not-allowed" });
    expect(corsHeaders(preflight)).toEqual([]);
  });
});

describe("a cookie is no credential", () => {
  const guarded = described.filter(({ operation }) => operation.security.length > 0);
  it.each(each(guarded))("%s", async (_name, place) => {
    const cookie = ["token", "authorization", "session", "__Host-rekey"].map((name) => `${name}=${rekey.adminToken}`);
    const response = await fetch(rekey.url + pathOf(place), {
      method: place.method,
      headers: { cookie: cookie.join("; ") },
    });
    expect(response.status).toBe(401);
    expect(await response.json()).toMatchObject({ code: "missing-credentials" });
  });
});

describe("what a form can send is refused, even with the token", () => {
  const FORMS: readonly (readonly [string, (body: object) => BodyInit])[] = [
    ["text/plain", (body) => JSON.stringify(body)],
    ["application/x-www-form-urlencoded", (body) => new URLSearchParams({ [JSON.stringify(body)]: "" }).toString()],
    ["multipart/form-data; boundary=b", (body) => `--b\r\n\r\n${JSON.stringify(body)}\r\n--b--`],
  ];
  const taking = described.filter(
    ({ operation }) => operation.requestBody !== undefined && !("key" in operation.security[0]!),
  );
  const cases = taking.flatMap((place) =>
    FORMS.map(([type, write]) => [`${place.method} ${place.path}`, type, place, write] as const),
  );

  it.each(cases)("%s as %s", async (_name, type, place, write) => {
    const example = STORY.find(({ operationId }) => operationId === place.operation.operationId);
    const response = await fetch(rekey.url + pathOf(place), {
      method: place.method,
      headers: { authorization: `Bearer ${rekey.adminToken}`, "content-type": type },
      body: write(example?.body ?? { reason: "because" }),
    });
    expect(response.status).toBe(400);
    expect(await response.json()).toMatchObject({
      code: "invalid-request",
      errors: [{ path: "", message: "must be sent as Content-Type: application/json" }],
    });
  });

  let objects: readonly string[];
  beforeAll(async () => {
    objects = await rekey.objectIds();
  });
  it("and nothing came of any of it", async () => {
    expect(await rekey.objectIds()).toEqual(objects);
    expect(await rekey.ledgerSql("SELECT count(*) AS keys FROM keys")).toEqual([{ keys: 0 }]);
  });
});
