import { describe, expect, it } from "vitest";
import { CODE_OF_REASON, CODES } from "../../src/http/codes.ts";
import { setLimitHeaders } from "../../src/http/limit-headers.ts";
import { problem } from "../../src/http/problem.ts";
import { refusalResponse, type Refused } from "../../src/http/refusal-response.ts";
import type { Allowance } from "../../src/key/allowance.ts";
import type { KeyId } from "../../src/key/credential.ts";
import type { Identity } from "../../src/key/identity.ts";
import type { Reason, Refusal } from "../../src/key/refusal.ts";
import { admitWith, aKey, aQuota, aRequest, aWindow, t } from "../support/a-key.ts";

/** The headers after a key with these limits admitted `uses` requests at second 10. */
function limitHeaders(key: Parameters<typeof aKey>[0], uses: number, readAt = t(10)) {
  let state = aKey(key);
  let allowance: Allowance = { quota: null, rateLimits: [] };
  for (let use = 0; use < uses; use++) {
    const step = admitWith(state, aRequest(), t(10));
    state = step.key;
    allowance = step.answer.allowance ?? allowance;
  }
  const headers = new Headers();
  setLimitHeaders(headers, allowance, readAt);
  return Object.fromEntries(headers);
}

/** Seconds since 1970 at second `seconds` of the tests' epoch. */
const epochSeconds = (seconds: number) => String(t(seconds) / 1000);

describe("what is left is told", () => {
  it("of nothing, where there is no limit", () => expect(limitHeaders({}, 1)).toEqual({}));

  it("of a rate limit", () => {
    // One millisecond after the window's last: a request exactly 60 s after the first still belongs to it.
    expect(limitHeaders({ rateLimits: [aWindow(100, 60)] }, 3)).toEqual({
      "ratelimit-policy": '"burst";q=100;w=60',
      ratelimit: '"burst";r=97;t=61',
      "x-ratelimit-limit": "100",
      "x-ratelimit-remaining": "97",
      "x-ratelimit-reset": epochSeconds(71),
    });
  });

  it("of a quota, with the true length of its period", () => {
    expect(limitHeaders({ quota: aQuota(50, "month") }, 1)).toEqual({
      "ratelimit-policy": `"quota";q=50;w=${31 * 86_400}`,
      ratelimit: `"quota";r=49;t=${31 * 86_400 - 10}`,
      "x-ratelimit-limit": "50",
      "x-ratelimit-remaining": "49",
      "x-ratelimit-reset": epochSeconds(31 * 86_400),
    });
  });

  it("of a balance that never refills: neither window nor reset", () => {
    expect(limitHeaders({ quota: aQuota(5, "none") }, 2)).toEqual({
      "ratelimit-policy": '"quota";q=5',
      ratelimit: '"quota";r=3',
      "x-ratelimit-limit": "5",
      "x-ratelimit-remaining": "3",
    });
  });

  it("of each limit in turn, and of the tightest for clients that know only one", () => {
    const limits = { quota: aQuota(1_000, "day"), rateLimits: [aWindow(5, 1, "fast"), aWindow(90, 60, "slow")] };
    expect(limitHeaders(limits, 2)).toEqual({
      "ratelimit-policy": '"fast";q=5;w=1, "slow";q=90;w=60, "quota";q=1000;w=86400',
      ratelimit: '"fast";r=3;t=2, "slow";r=88;t=61, "quota";r=998;t=86390',
      "x-ratelimit-limit": "5",
      "x-ratelimit-remaining": "3",
      "x-ratelimit-reset": epochSeconds(12),
    });
  });

  it("of two that are equally used up, the one that recovers later", () => {
    const limits = { rateLimits: [aWindow(2, 60, "long"), aWindow(2, 1, "short")] };
    expect(limitHeaders(limits, 2)["x-ratelimit-reset"]).toBe(epochSeconds(71));
    const forever = { quota: aQuota(2, "none"), rateLimits: [aWindow(2, 60)] };
    expect(limitHeaders(forever, 2)["x-ratelimit-reset"]).toBeUndefined();
  });

  it("in whole seconds, rounded up", () => {
    expect(limitHeaders({ quota: aQuota(5, "day") }, 1, t(10.001))["ratelimit"]).toBe('"quota";r=4;t=86390');
  });
});

const identity: Identity = { keyId: "key_0123456789ABCDEF" as KeyId, owner: "acme", version: 1, details: null };
const refused = (refusal: Refusal, rest: Partial<Refused> = {}): Refused => ({
  admitted: false,
  at: t(0),
  refusal,
  identity,
  allowance: null,
  ...rest,
});
const context = { requestId: "req_1", decision: "1.7", scopes: ["orders:read", "orders:write"] };

async function told(response: Response) {
  return { status: response.status, headers: Object.fromEntries(response.headers), body: await response.text() };
}

describe("A3: who did not prove possession learns nothing", () => {
  it.each(["unknown-key", "wrong-secret"] as const)("%s is told exactly what a forgery is told", async (reason) => {
    const answer = await told(refusalResponse(refused({ reason }, { identity: null }), context));
    expect(answer).toEqual(await told(problem("invalid-key", { requestId: "req_1" })));
    expect(answer.headers).not.toHaveProperty("rekey-decision");
  });
});

describe("who proved possession is told why", () => {
  const at = t(90.5);
  const refusals: { readonly [R in Reason]: Extract<Refusal, { reason: R }> } = {
    "unknown-key": { reason: "unknown-key" },
    "wrong-secret": { reason: "wrong-secret" },
    "key-rotated": { reason: "key-rotated" },
    "key-revoked": { reason: "key-revoked" },
    "key-suspended": { reason: "key-suspended" },
    "owner-suspended": { reason: "owner-suspended" },
    "key-expired": { reason: "key-expired" },
    "rotation-required": { reason: "rotation-required" },
    "insufficient-scope": { reason: "insufficient-scope" },
    "ip-not-allowed": { reason: "ip-not-allowed" },
    "concurrency-exceeded": { reason: "concurrency-exceeded" },
    "slot-required": { reason: "slot-required" },
    "rate-limited": { reason: "rate-limited", limit: "burst", retryAt: at },
    "quota-exceeded": { reason: "quota-exceeded", retryAt: at },
    "cost-exceeds-limit": { reason: "cost-exceeds-limit", limit: "quota" },
  };

  it.each(Object.entries(refusals))(
    "%s: the status and code of the table, and the decision",
    async (reason, refusal) => {
      const { status, headers, body } = await told(refusalResponse(refused(refusal), context));
      const code = CODE_OF_REASON[reason as Reason];
      expect(status).toBe(CODES[code].status);
      expect(JSON.parse(body)).toMatchObject({
        type: `/_rekey/problems/${code}`,
        title: CODES[code].title,
        status,
        code,
        requestId: "req_1",
      });
      expect(headers).toMatchObject({
        "cache-control": "no-store",
        "content-type": "application/problem+json",
        "rekey-decision": "1.7",
        "rekey-request-id": "req_1",
      });
      expect(headers["www-authenticate"]).toBe(
        status === 401
          ? 'Bearer error="invalid_token"'
          : reason === "insufficient-scope"
            ? 'Bearer error="insufficient_scope", scope="orders:read orders:write"'
            : undefined,
      );
    },
  );

  it.each([
    [refusals["rate-limited"], "91", "burst"],
    [refusals["quota-exceeded"], "91", "quota"],
    [{ reason: "quota-exceeded", retryAt: null } as const, null, "quota"],
    [refusals["cost-exceeds-limit"], null, "quota"],
  ])("%j: Retry-After %s, rounded up, and which limit", async (refusal, retryAfter, limit) => {
    const response = refusalResponse(refused(refusal), context);
    expect(response.headers.get("retry-after")).toBe(retryAfter);
    expect(await response.json()).toMatchObject({ limit });
  });

  it("and what is left, when pace or allowance refused", () => {
    const spent = aKey({ quota: aQuota(1) });
    const { answer } = admitWith(admitWith(spent, aRequest(), t(0)).key, aRequest(), t(0));
    if (answer.admitted) throw new Error("the quota of 1 admitted 2");
    expect(refusalResponse(answer, context).headers.get("ratelimit")).toBe('"quota";r=0;t=86400');
  });
});

describe("failed authentication carries no limits", () => {
  it.each(["missing-credentials", "invalid-key"] as const)("%s", (code) => {
    const { headers } = problem(code, { requestId: "req_1" });
    expect([...headers.keys()].filter((name) => name.includes("ratelimit"))).toEqual([]);
    expect(headers.get("www-authenticate")).toBe(
      code === "missing-credentials" ? "Bearer" : 'Bearer error="invalid_token"',
    );
  });
});
