import { describe, expect, it } from "vitest";
import { ruleFor } from "../../src/routing/match.ts";
import { routeTable, UNNAMED, type RouteRule } from "../../src/routing/rule.ts";
import { readRoutes } from "../../src/routing/setting.ts";

function rulesOf(...rules: object[]): readonly RouteRule[] {
  const reading = readRoutes(rules);
  if (!reading.ok) throw new Error(JSON.stringify(reading.faults));
  return reading.routes;
}

describe("a pattern", () => {
  it.each([
    ["/", "/", true],
    ["/", "/a", false],
    ["/*", "/", true],
    ["/*", "/a/b/", true],
    ["/v1/*", "/v1", true],
    ["/v1/*", "/v1/", true],
    ["/v1/*", "/v1/a/b", true],
    ["/v1/*", "/v1x", false],
    ["/v1/*", "/v2/a", false],
    ["/v1/orders", "/v1/orders", true],
    ["/v1/orders", "/v1/orders/", false],
    ["/v1/orders", "/v1/Orders", false],
    ["/v1/*/items", "/v1/7/items", true],
    ["/v1/*/items", "/v1//items", false],
    ["/v1/*/items", "/v1/7/8/items", false],
    ["/v1/*/items/*", "/v1/7/items", true],
    ["/v1/*/items/*", "/v1/7/items/8/9", true],
    ["/a%2Cb", "/a%2Cb", true],
  ])("%s against %s: %s", (pattern, path, expected) => {
    const rule = { ...UNNAMED, path: pattern };
    expect(ruleFor(routeTable([rule], { folds: false }), "GET", path) === rule).toBe(expected);
  });
});

describe("the rule that decides", () => {
  const routes = rulesOf({ path: "/v1/reports", methods: ["POST"], cost: 10 }, { path: "/v1/*", scopes: ["v1:use"] });
  it.each([
    ["POST", "/v1/reports", 0],
    ["GET", "/v1/reports", 1],
    ["GET", "/v1/never", 1],
    ["GET", "/v2", null],
  ])("%s %s: the first that fits", (method, path, which) =>
    expect(ruleFor(routeTable(routes), method, path)).toBe(which === null ? UNNAMED : routes[which]),
  );

  it("of a path that no rule names needs a key and one unit", () => {
    expect(UNNAMED).toMatchObject({ public: false, charge: { cost: 1 }, scopes: [], websocket: false, cors: null });
  });
});

describe("the setting", () => {
  it("is a list or its JSON, and may be empty", () => {
    const rules = [{ path: "/a", reserve: 5 }];
    expect(readRoutes(rules)).toEqual(readRoutes(JSON.stringify(rules)));
    expect(rulesOf(...rules)).toEqual([{ ...UNNAMED, path: "/a", charge: { reserve: 5 } }]);
    for (const empty of ["", "[]", []]) expect(readRoutes(empty)).toEqual({ ok: true, routes: [] });
  });

  it.each<[string, unknown, string]>([
    ["not JSON", "{", ""],
    ["not a list", {}, ""],
    ["more rules than anybody can read", Array.from({ length: 257 }, () => ({ path: "/a" })), ""],
    ["no path", [{}], "[0].path"],
    ...[
      "",
      "a",
      "//a",
      "/a/../b",
      "/a/.",
      "/a b",
      "/a;b",
      "/a?b",
      "/%61",
      "/a%2cb",
      "/a%2",
      "/a/*b",
      "/é",
      "/a*",
      "/**",
      `/${"a".repeat(1024)}`,
    ].map((path): [string, unknown, string] => [
      `the path ${path.slice(0, 12)}`,
      [{ path: "/ok" }, { path }],
      "[1].path",
    ]),
    ["a rule for Rekey's own paths", [{ path: "/_rekey/v1/*", public: true }], "[0].path"],
    ["a method that is not forwarded", [{ path: "/a", methods: ["TRACE"] }], "[0].methods[0]"],
    ["a method many times", [{ path: "/a", methods: Array.from({ length: 8 }, () => "GET") }], "[0].methods"],
    ["no method at all", [{ path: "/a", methods: [] }], "[0].methods"],
    ["a scope with *", [{ path: "/a", scopes: ["orders:*"] }], "[0].scopes[0]"],
    ["a negative cost", [{ path: "/a", cost: -1 }], "[0].cost"],
    ["half a unit", [{ path: "/a", cost: 0.5 }], "[0].cost"],
    ["cost and reserve", [{ path: "/a", cost: 1, reserve: 1 }], "[0].reserve"],
    ["a refund on 4xx", [{ path: "/a", refundOn: ["4xx"] }], "[0].refundOn[0]"],
    ["a refund many times", [{ path: "/a", refundOn: ["5xx", "timeout", "5xx"] }], "[0].refundOn"],
    ["a public path with scopes", [{ path: "/a", public: true, scopes: ["a"] }], "[0].public"],
    ["a public path with an assertion", [{ path: "/a", public: true, assertion: true }], "[0].public"],
    ["a field that nobody knows", [{ path: "/a", scope: "x" }], "[0]"],
    ["an origin with a path", [{ path: "/a", cors: { origins: ["https://a.example/"] } }], "[0].cors.origins[0]"],
    ["* beside another origin", [{ path: "/a", cors: { origins: ["*", "https://a.example"] } }], "[0].cors.origins"],
    ["* with credentials", [{ path: "/a", cors: { origins: ["*"], credentials: true } }], "[0].cors.origins"],
    [
      "a header with a line break",
      [{ path: "/a", cors: { origins: ["*"], headers: ["a\r\nb"] } }],
      "[0].cors.headers[0]",
    ],
    [
      "more headers than a page can need",
      [{ path: "/a", cors: { origins: ["*"], exposeHeaders: Array.from({ length: 65 }, (_, at) => `x-${at}`) } }],
      "[0].cors.exposeHeaders",
    ],
    [
      "a preflight kept for two days",
      [{ path: "/a", cors: { origins: ["*"], maxAgeSeconds: 172_800 } }],
      "[0].cors.maxAgeSeconds",
    ],
    ["a negative body", [{ path: "/a", maxBodyBytes: -1 }], "[0].maxBodyBytes"],
  ])("%s is named with its place", (_name, setting, place) => {
    const reading = readRoutes(setting);
    expect(reading.ok ? [] : reading.faults.map(({ path }) => path)).toEqual([place]);
  });

  it("names everything that is wrong at once", () => {
    const reading = readRoutes([
      { path: "a", cost: -1 },
      { path: "/b", methods: ["foo"] },
    ]);
    expect(reading.ok ? [] : reading.faults.map(({ path }) => path)).toEqual([
      "[0].path",
      "[0].cost",
      "[1].methods[0]",
    ]);
  });
});
