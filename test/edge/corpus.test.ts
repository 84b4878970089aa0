import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { isUnwanted } from "../../src/edge/request-headers.ts";
import { codeOf, startGateway, type Gateway, type IssuedKey } from "../support/gateway.ts";
import { startNginxEcho } from "../support/nginx-echo.ts";
import { PATHS } from "../support/path-corpus.ts";
import { programOf } from "../support/proxies.ts";
import { rawRequest, sendRaw } from "../support/raw-http.ts";

let gateway: Gateway;
let key: IssuedKey;
beforeAll(async () => {
  gateway = await startGateway();
  key = await gateway.issue({ owner: "acme", scopes: ["a:b"] });
});
beforeEach(() => void gateway.seen());
afterAll(() => gateway[Symbol.asyncDispose]());

describe("A9: a path that is forwarded has one reading, whoever reads it", () => {
  it("there are enough of them to mean something", () => expect(PATHS.length).toBeGreaterThanOrEqual(300));

  /** What the origin got of each path; `null`: refused, or never in this world. */
  const arrived = new Map<string, string | null>();
  const outcomes = new Map<string, string>();
  beforeAll(async () => {
    for (const path of PATHS) {
      gateway.seen();
      const { status } = await gateway.useRaw(key.key, `GET ${path}`);
      const seen = gateway.seen();
      arrived.set(path, seen[0]?.target ?? null);
      outcomes.set(path, `${status}, forwarded ${seen.length} times`);
    }
  }, 120_000);
  const forwarded = () => [...new Set([...arrived.values()].filter((path) => path !== null))];

  it("is admitted and forwarded once, or refused with 400 and not forwarded at all: nothing in between", () => {
    const between = [...outcomes].filter(
      ([, outcome]) => outcome !== "200, forwarded 1 times" && outcome !== "400, forwarded 0 times",
    );
    expect(between).toEqual([]);
  });

  it("some pass and some do not", () => {
    expect(forwarded().length).toBeGreaterThan(50);
    expect([...arrived.values()].filter((path) => path === null).length).toBeGreaterThan(50);
  });

  it("Node reads it as it stands", () => {
    for (const path of forwarded()) expect([path, new URL(path, "http://origin").pathname]).toEqual([path, path]);
  });

  it("and as the client's own URL meant it, up to escapes that mean nothing", () => {
    for (const [written, path] of arrived) {
      if (path === null) continue;
      const bytes = Buffer.from(written, "latin1").toString();
      const meant = new URL(bytes, "http://origin").pathname;
      expect([written, decodeURIComponent(path)]).toEqual([written, decodeURIComponent(meant)]);
    }
  });

  it("sent again it arrives the same: the canonical form is its own", async () => {
    for (const path of forwarded()) {
      gateway.seen();
      await gateway.useRaw(key.key, `GET ${path}`);
      expect(gateway.seen().map(({ target }) => target)).toEqual([path]);
    }
  });

  const nginx = programOf("nginx");
  it.skipIf(nginx === null)("nginx reads the same path from it as Node", async () => {
    await using echo = await startNginxEcho(nginx!);
    for (const path of forwarded()) {
      const { status, body } = await sendRaw(echo.url, rawRequest(echo.url, `GET ${path} HTTP/1.1`));
      expect([path, status, Buffer.from(body, "latin1").toString()]).toEqual([path, 200, decodeURIComponent(path)]);
    }
  });

  it.skipIf(nginx === null)(
    "and where nginx and Node would read what was written differently, nothing was forwarded unless repaired",
    async () => {
      await using echo = await startNginxEcho(nginx!);
      let differed = 0;
      const misread: string[] = [];
      for (const [written, path] of arrived) {
        const { status, body } = await sendRaw(echo.url, rawRequest(echo.url, `GET ${written} HTTP/1.1`));
        const byNginx = status === 200 ? Buffer.from(body, "latin1").toString() : null;
        const byNode = decodedOrNull(
          URL.parse(Buffer.from(written, "latin1").toString(), "http://origin")?.pathname ?? "%",
        );
        if (byNginx === byNode) continue;
        differed += 1;
        // What still went on is the one reading that both have of the canonical form.
        if (path !== null && decodeURIComponent(path) !== byNode) misread.push(written);
      }
      expect(misread).toEqual([]);
      expect(differed).toBeGreaterThan(20);
    },
  );
});

const decodedOrNull = (text: string): string | null => {
  try {
    return decodeURIComponent(text);
  } catch {
    return null;
  }
};

describe("A7: names that only a proxy may speak, in every spelling", () => {
  const NAMES = [
    "rekey-owner",
    "rekey-key-id",
    "rekey-key-version",
    "rekey-scopes",
    "rekey-request-id",
    "rekey-assertion",
    "rekey-hop",
    "rekey-proxy-token",
    "rekey-cost",
    "rekey-anything",
    "forwarded",
    "x-forwarded",
    "x-forwarded-for",
    "x-forwarded-host",
    "x-forwarded-proto",
    "x-forwarded-uri",
    "x-forwarded-method",
    "x-forwarded-user",
    "x-original-url",
    "x-original-uri",
    "x-original-method",
    "x-rewrite-url",
    "x-real-ip",
    "x-client-ip",
    "true-client-ip",
    "x-http-method-override",
    "x-method-override",
    "x-remote-user",
    "x-middleware-subrequest",
  ];
  const cased = (name: string) => [
    name,
    name.toUpperCase(),
    name.replaceAll(/\b[a-z]/g, (letter) => letter.toUpperCase()),
  ];
  const underscored = (name: string) => [
    name,
    name.replaceAll("-", "_"),
    name.replace("-", "_"),
    name.replace(/-([^-]*)$/, "_$1"),
  ];
  const SPELLINGS = [...new Set(NAMES.flatMap(underscored).flatMap(cased))];

  it("there are enough of them to mean something", () => expect(SPELLINGS.length).toBeGreaterThanOrEqual(100));

  it.each([
    ["one at a time", 1],
    ["twenty at once", 20],
  ])(
    "none arrives, %s",
    async (_how, atOnce) => {
      for (let at = 0; at < SPELLINGS.length; at += atOnce) {
        const lines = SPELLINGS.slice(at, at + atOnce).map((name) => `${name}: evil`);
        const answer = await gateway.useRaw(key.key, "GET /", lines);
        expect([lines[0], answer.status === 200 ? 200 : codeOf(answer)]).toEqual([lines[0], 200]);
        expect([lines[0], JSON.stringify(gateway.seen()).includes("evil")]).toEqual([lines[0], false]);
      }
    },
    120_000,
  );

  it("and what only looks like one does", async () => {
    const innocent = ["x-owner", "rekeyed", "x-rekey-owner", "forward", "x-realm-ip", "original-url", "x_custom"];
    for (const name of innocent) {
      expect(isUnwanted(name)).toBe(false);
      await gateway.useRaw(key.key, "GET /", [`${name}: kept`]);
      expect([name, JSON.stringify(gateway.seen()).includes("kept")]).toEqual([name, true]);
    }
  });
});
