import { describe, expect, it } from "vitest";
import { ROUTES } from "../../src/control/routes.ts";
import { control, issue, told, type ControlCall } from "../support/control.ts";

/** The calls of this file come in on `rekey.test`. */
const HERE = { config: { controlHost: "rekey.test" } };
const ELSEWHERE = { config: { controlHost: "control.example" } };
const EVERYWHERE = ["readSelf", "rotateSelf", "revokeSelf", "healthz", "readyz", "explainProblem", "getJwks"];

const pathOf = (template: string) =>
  template
    .replace("reservations/{id}", "reservations/res_0000000000000404_0000000000000000")
    .replace("{id}", "key_0000000000000404")
    .replace("{code}", "not-found")
    .replace("{owner}", "nobody");
const seen = async (response: Response) => [response.status, [...response.headers], await response.text()];

describe("where CONTROL_HOST names one host", () => {
  it("only self-service, problems, health and the key set answer everywhere", () => {
    const everywhere = ROUTES.filter(({ everyHost }) => everyHost).map(({ operationId }) => operationId);
    expect(everywhere.toSorted()).toEqual(EVERYWHERE.toSorted());
  });

  it.each(ROUTES.filter(({ everyHost }) => !everyHost).map(({ method, path }) => [method, pathOf(path)] as const))(
    "%s %s does not exist on another host, even for the admin, and nobody is asked",
    async (method, path) => {
      const nobody = { KEYS: undefined as never, DB: undefined as never, OWNERS: undefined as never };
      const unheardOf = await seen(await control("GET", "/_rekey/v1/unheard-of", ELSEWHERE));
      for (const tried of [method, "OPTIONS", "PUT"]) {
        expect(await seen(await control(tried, path, { ...ELSEWHERE, env: nobody }))).toEqual(unheardOf);
      }
      expect(unheardOf[0]).toBe(404);
    },
  );

  it("everything answers on that host", async () => {
    for (const { method, path, operationId } of ROUTES) {
      const [there, anywhere] = await Promise.all(
        [HERE, {}].map(async (call: ControlCall) => (await control(method, pathOf(path), call)).status),
      );
      expect([operationId, there]).toEqual([operationId, anywhere]);
    }
  });

  it("a key rotates, reads and ends itself on every host", async () => {
    const { key } = await issue();
    const call = (credential: string) => ({ ...ELSEWHERE, authorization: `Bearer ${credential}` });
    expect((await control("GET", "/_rekey/v1/self", call(key))).status).toBe(200);
    const rotated = await told<{ key: string }>(control("POST", "/_rekey/v1/self/rotate", call(key)));
    expect((await control("POST", "/_rekey/v1/self/revoke", call(rotated.key))).status).toBe(200);
  });

  it("health answers on every host, and tells its detail on that one only", async () => {
    expect(await told(control("GET", "/_rekey/healthz", ELSEWHERE))).toEqual({ status: "ok" });
    expect(await told(control("GET", "/_rekey/readyz", ELSEWHERE))).not.toHaveProperty("detail");
    expect(await told(control("GET", "/_rekey/readyz", HERE))).toHaveProperty("detail");
  });

  it("another host with a longer or shorter name, or another port, is another host", async () => {
    for (const controlHost of ["rekey.test.evil.example", "ekey.test", "rekey.test:8443", "test"]) {
      expect((await control("GET", "/_rekey/v1/keys", { config: { controlHost } })).status).toBe(404);
    }
  });
});

describe("a credential in the URL", () => {
  it("of a control call is refused and not repeated, wherever it stands", async () => {
    const { key } = await issue();
    const paths = [`/_rekey/v1/keys?search=${key}`, `/_rekey/v1/keys/${key}`, `/_rekey/v1/verify?key=${key}`];
    for (const path of paths) {
      const response = await control("GET", path);
      const text = await response.clone().text();
      expect(await told(response, 400)).toMatchObject({ code: "credentials-in-url" });
      expect(text).not.toContain(key);
    }
  });
});
