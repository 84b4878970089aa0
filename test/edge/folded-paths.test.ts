import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { FRAMEWORKS, type Api, type Framework } from "../support/frameworks.ts";
import { startGateway, type Gateway, type IssuedKey } from "../support/gateway.ts";

const ROUTES = JSON.stringify([
  { path: "/admin", scopes: ["admin"], methods: ["GET"] },
  { path: "/admin/*", scopes: ["admin"] },
  { path: "/*" },
]);
const SPELLINGS = [
  "/admin",
  "/admin/",
  "/Admin",
  "/ADMIN/",
  "/aDmIn/x",
  "/Admin/X/",
  "/%41dmin",
  "/%41DMIN/x",
  "/admin.json",
  "/admin/x.json",
  "/ADMIN.JSON/",
] as const;

describe.each(Object.keys(FRAMEWORKS) as Framework[])("%s behind the gateway", (framework) => {
  let api: Api;
  let gateway: Gateway;
  let nobody: IssuedKey;
  beforeAll(async () => {
    api = await FRAMEWORKS[framework]();
    gateway = await startGateway({ origin: api.url, vars: { ROUTES } });
    nobody = await gateway.issue();
  });
  afterAll(async () => {
    await gateway[Symbol.asyncDispose]();
    await api[Symbol.asyncDispose]();
  });

  it.each(["GET", "HEAD"])(
    "serves its admin handler to no key without the scope, however the path of a %s is spelled",
    async (method) => {
      for (const spelling of SPELLINGS) {
        const answer = await gateway.useRaw(nobody.key, `${method} ${spelling}`);
        expect([spelling, answer.status]).toEqual([spelling, 403]);
      }
      expect(api.adminSaw()).toEqual([]);
    },
  );

  it("serves it to a key with the scope, in every spelling", async () => {
    const admin = await gateway.issue({ scopes: ["admin"] });
    for (const spelling of SPELLINGS) await gateway.useRaw(admin.key, `GET ${spelling}`);
    expect(api.saw().length).toBe(SPELLINGS.length);
    expect(api.adminSaw().length).toBeGreaterThan(2);
  });
});

it("control: where spellings are told apart, Express serves its admin handler to a key without the scope", async () => {
  await using api = await FRAMEWORKS.Express();
  await using gateway = await startGateway({ origin: api.url, vars: { ROUTES, ROUTES_SPELLING: "exact" } });
  const nobody = await gateway.issue();
  for (const spelling of SPELLINGS) await gateway.useRaw(nobody.key, `GET ${spelling}`);
  expect(api.adminSaw().length).toBeGreaterThan(2);
});

it("a path that no rule names is 404 where the setting says so", async () => {
  await using gateway = await startGateway({ vars: { ROUTES: '[{"path":"/a"}]', ROUTES_DEFAULT: "deny" } });
  const { key } = await gateway.issue();
  expect((await gateway.use(key, "/a")).status).toBe(200);
  for (const path of ["/b", "/A", "/a/"]) expect((await gateway.use(key, path)).status).toBe(404);
  expect(gateway.seen().map(({ target }) => target)).toEqual(["/a"]);
});
