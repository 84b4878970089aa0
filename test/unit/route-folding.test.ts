import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { ruleFor } from "../../src/routing/match.ts";
import { opaqueRuleFor } from "../../src/routing/opaque.ts";
import { routeTable, UNNAMED, UNNAMED_DENIED, type RouteRule } from "../../src/routing/rule.ts";
import { readRoutes } from "../../src/routing/setting.ts";
import { stricter } from "../../src/routing/stricter.ts";

const rulesOf = (...rules: object[]): readonly RouteRule[] => {
  const reading = readRoutes(rules);
  if (!reading.ok) throw new Error(JSON.stringify(reading.faults));
  return reading.routes;
};
const tableOf = (...rules: object[]) => routeTable(rulesOf(...rules));

const REPORTS = tableOf(
  { path: "/v1/reports", scopes: ["reports:write"], cost: 10 },
  { path: "/v1/Mixed/*", scopes: ["mixed"] },
  { path: "/v1/data.json", scopes: ["data"] },
  { path: "/readers", methods: ["GET"], public: true },
  { path: "/caf%C3%A9", scopes: ["cafe"] },
  { path: "/*" },
);

/** Spellings that Express, Rails, Django, Spring or ASP.NET take for one route. */
describe("a spelling that a framework takes for a route meets the rule of that route", () => {
  it.each([
    ["/v1/reports", "reports:write"],
    ["/v1/reports/", "reports:write"],
    ["/V1/Reports", "reports:write"],
    ["/v1/REPORTS/", "reports:write"],
    ["/v1/reports.json", "reports:write"],
    ["/v1/Reports.JSON", "reports:write"],
    ["/v1/reports.", "reports:write"],
    ["/v1/reports.json/", "reports:write"],
    ["/v1/reports.tar.gz", "reports:write"],
    ["/v1/report%C5%BF", "reports:write"],
    ["/v1/mixed/a", "mixed"],
    ["/v1/MIXED", "mixed"],
    ["/v1/mixed.json", "mixed"],
    ["/v1/data", "data"],
    ["/v1/data.xml", "data"],
    ["/CAF%C3%89", "cafe"],
    ["/v1/reports/7", null],
    ["/v1/reportsx", null],
    ["/v1/.reports", null],
  ])("%s asks for the scope %s", (path, scope) => {
    expect(ruleFor(REPORTS, "GET", path)!.scopes).toEqual(scope === null ? [] : [scope]);
  });

  it("the cost is the higher one, and a path that no rule names stays as it is", () => {
    expect(ruleFor(REPORTS, "GET", "/V1/Reports")!.charge).toEqual({ cost: 10 });
    expect(ruleFor(REPORTS, "GET", "/Other/")).toBe(REPORTS.rules.at(-1));
  });

  it("HEAD is what GET is, and no other method is", () => {
    expect(ruleFor(REPORTS, "HEAD", "/readers")!.public).toBe(true);
    expect(ruleFor(REPORTS, "POST", "/readers")!.public).toBe(false);
    const table = tableOf({ path: "/a", methods: ["GET"], scopes: ["a"] }, { path: "/*" });
    expect(ruleFor(table, "HEAD", "/a")!.scopes).toEqual(["a"]);
  });

  it("a public rule opens no other spelling of its path", () => {
    expect(ruleFor(REPORTS, "GET", "/Readers")!.public).toBe(false);
  });

  it("where the setting or the rule says that spellings differ, they do", () => {
    const exact = routeTable(REPORTS.rules, { folds: false });
    expect(ruleFor(exact, "GET", "/V1/Reports")!.scopes).toEqual([]);
    const one = tableOf({ path: "/a", exact: true, scopes: ["a"] }, { path: "/b", scopes: ["b"] }, { path: "/*" });
    expect(ruleFor(one, "GET", "/A")!.scopes).toEqual([]);
    expect(ruleFor(one, "GET", "/B")!.scopes).toEqual(["b"]);
  });

  it("extensions that rules spell out are told apart", () => {
    const table = tableOf({ path: "/r.v1", scopes: ["one"] }, { path: "/r.v2", scopes: ["two"] }, { path: "/*" });
    expect(ruleFor(table, "GET", "/r.v1")!.scopes).toEqual(["one"]);
    expect(ruleFor(table, "GET", "/R.v2/")!.scopes).toEqual(["two"]);
  });
});

describe("a path that no rule names", () => {
  it("lets nobody in where the setting says so, in any spelling", () => {
    const table = routeTable(rulesOf({ path: "/a" }), { unnamed: UNNAMED_DENIED });
    expect(ruleFor(table, "GET", "/a")!.deny).toBe(false);
    for (const path of ["/b", "/A", "/a/", "/a.json"]) expect(ruleFor(table, "GET", path)!.deny).toBe(true);
  });

  it("lets through no method but the usual ones", () => {
    const table = tableOf({ path: "/dav/*", methods: ["PROPFIND"] });
    expect(ruleFor(table, "PROPFIND", "/dav/a")).toBe(table.rules[0]);
    expect(ruleFor(table, "PROPFIND", "/other")).toBeNull();
    expect(ruleFor(table, "PURGE", "/dav/a")).toBeNull();
  });
});

describe("the stricter of two rules", () => {
  const scope = fc.constantFrom("a", "b", "c");
  const rule: fc.Arbitrary<RouteRule> = fc.record({
    path: fc.constant("/x"),
    methods: fc.constant(null),
    exact: fc.constant(false),
    paths: fc.constant("canonical" as const),
    deny: fc.boolean(),
    public: fc.boolean(),
    scopes: fc.uniqueArray(scope),
    anyScope: fc.uniqueArray(scope),
    charge: fc.oneof(
      fc.nat(20).map((cost) => ({ cost })),
      fc.nat(20).map((reserve) => ({ reserve })),
    ),
    refundOn: fc.subarray(["5xx", "timeout"] as const),
    cors: fc.constantFrom(null, { ...CORS(), origins: ["*"] }),
    websocket: fc.boolean(),
    assertion: fc.boolean(),
    cacheable: fc.boolean(),
    maxBodyBytes: fc.option(fc.nat(100), { nil: null }),
  });
  const lets = (one: RouteRule, held: readonly string[]): boolean =>
    !one.deny &&
    (one.public ||
      (one.scopes.every((each) => held.includes(each)) &&
        (one.anyScope.length === 0 || one.anyScope.some((each) => held.includes(each)))));
  const amount = ({ charge }: RouteRule) => ("reserve" in charge ? charge.reserve : charge.cost);

  it("lets in nobody whom either refuses, costs no less than either, and allows nothing that either forbids", () => {
    fc.assert(
      fc.property(rule, rule, fc.uniqueArray(scope), (one, other, held) => {
        const both = stricter(one, other);
        expect(lets(both, held) && !(lets(one, held) && lets(other, held))).toBe(false);
        for (const each of [one, other]) {
          expect(amount(both)).toBeGreaterThanOrEqual(each.public ? 0 : amount(each));
          expect(both.maxBodyBytes ?? Infinity).toBeLessThanOrEqual(each.maxBodyBytes ?? Infinity);
          expect([both.websocket && !each.websocket, both.cacheable && !each.cacheable]).toEqual([false, false]);
          expect([both.assertion || !each.assertion, both.public && !each.public]).toEqual([true, false]);
          expect(both.refundOn.every((outcome) => each.refundOn.includes(outcome))).toBe(true);
          expect(both.cors !== null && each.cors === null).toBe(false);
        }
      }),
    );
  });
});

function CORS() {
  return { headers: [], exposeHeaders: [], credentials: false, maxAgeSeconds: 0, preflight: "answer" as const };
}

describe("a rule that no request can be decided by is refused", () => {
  const faultOf = (...rules: object[]) => {
    const reading = readRoutes(rules);
    return reading.ok ? null : `${reading.faults[0]!.path} ${reading.faults[0]!.message}`;
  };
  it.each([
    [
      "behind /*",
      [{ path: "/*" }, { path: "/a", public: true }],
      "[1].path never applies: ROUTES[0] (/*) stands before it",
    ],
    ["behind a wider one", [{ path: "/v1/*" }, { path: "/v1/a/b" }], "[1].path never applies: ROUTES[0] (/v1/*)"],
    [
      "behind two that take its methods",
      [
        { path: "/a", methods: ["GET"] },
        { path: "/a", methods: ["POST"] },
        { path: "/a", methods: ["POST", "HEAD"] },
      ],
      "[2].path is named again: ROUTES[0] (/a) and ROUTES[1] (/a)",
    ],
    ["twice", [{ path: "/a" }, { path: "/a" }], "[1].path is named again: ROUTES[0] (/a)"],
    ["in another spelling", [{ path: "/a" }, { path: "/A/" }], "[1].path is ROUTES[0] (/a) in another spelling"],
    [
      "with a named segment",
      [{ path: "/v1/orders/:id" }],
      "[0].path has a named segment: write * for one that varies. Did you mean /v1/orders/*?",
    ],
    ["with a misspelt field", [{ path: "/a", scope: ["a"] }], '[0] has no field "scope". Did you mean scopes?'],
    [
      "with a method that is never forwarded",
      [{ path: "/a", methods: ["TRACE"] }],
      "[0].methods[0] is never forwarded",
    ],
    ["opaque below no literal path", [{ path: "/*/x", paths: "opaque" }], "[0].path must be a literal beginning"],
  ])("%s", (_case, rules, fault) => {
    expect(faultOf(...rules)).toContain(fault);
  });

  it.each([
    [[{ path: "/a" }, { path: "/*" }]],
    [[{ path: "/a", methods: ["GET"] }, { path: "/a" }]],
    [
      [
        { path: "/a", exact: true },
        { path: "/A", exact: true },
      ],
    ],
    [[{ path: "/v1/*/items" }, { path: "/v1/*" }]],
  ])("but these are rules: %j", (rules) => {
    expect(faultOf(...rules)).toBeNull();
  });
});

describe("an opaque path", () => {
  const table = tableOf(
    { path: "/files/private/*", scopes: ["private"] },
    { path: "/files/*", paths: "opaque", public: true },
    { path: "/admin/*", scopes: ["admin"] },
    { path: "/public/*", public: true },
    { path: "/*" },
  );
  const scopesOf = (raw: string) => {
    const rule = opaqueRuleFor(table, "GET", raw);
    return rule === null || rule === "refused" ? rule : rule.public ? "public" : rule.scopes.join(" ");
  };
  it.each([
    ["/files/a%2Fb", "public"],
    ["/files/@scope%2fname", "public"],
    ["/files/a//b;v=1/%5Cc", "public"],
    ["/files/https://example.com/x?y", "public"],
    ["/files/private/x", "private"],
    ["/files/Private/x", "private"],
    ["/files/%70rivate%2Fx", "private"],
    ["/files//private/x", "private"],
    ["/files/;a=b/private/x", "private"],
    ["/files/..%2Fadmin%2Fx", "admin"],
    ["/files/..%252Fadmin%252Fx", "admin"],
    ["/files/..%5cadmin%5cx", "admin"],
    ["/files/..;/admin/x", "admin"],
    ["/files/%2e%2e/admin/x", "admin"],
    ["/files/x/../../admin/x", "admin"],
    ["/files/..%2Fother", ""],
    ["/files/private%00/x", "private"],
    ["/files/..%00/admin/x", "admin"],
    ["/files/%c0%ae%c0%ae/admin/x", "admin"],
    ["/files/%e0%80%ae%e0%80%ae%c0%afadmin/x", "admin"],
    ["/files/%uff0e%uff0e/admin/x", "admin"],
    ["/files/%EF%BC%8E%EF%BC%8E/admin/x", "admin"],
    ["/files/.../admin/x", "public"],
    ["/files/..%2F_rekey%2Fv1%2Fkeys", "refused"],
    ["/files/..%2f_REKEY", "refused"],
    ["/other/a%2Fb", null],
    ["/Files/a%2Fb", null],
    ["/files", null],
  ])("%s is judged by the strictest of its readings: %s", (raw, expected) => {
    expect(scopesOf(raw)).toBe(expected);
  });

  it("with too many readings is refused", () => {
    const nested = Array.from({ length: 40 }, (_, at) => `;a${at}%25${"25".repeat(at % 6)}2f..\\`).join("//");
    expect(scopesOf(`/files/${nested}`)).toBe("refused");
  });
});

it("a rule that nothing names costs one unit and a key", () => {
  expect([UNNAMED.deny, UNNAMED.public, UNNAMED.charge]).toEqual([false, false, { cost: 1 }]);
});
