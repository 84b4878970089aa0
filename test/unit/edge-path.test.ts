import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { isPlainHost } from "../../src/edge/host.ts";
import { targetOf } from "../../src/edge/path.ts";

/** Reads the target as it stands behind the host in the runtime's URL. */
const read = (target: string) => targetOf(`https://api.example${target}`);
const pathOf = (target: string): string | null => {
  const reading = read(target);
  return reading.ok ? reading.path : null;
};

describe("A9: a path in its canonical form goes on as it is", () => {
  it.each([
    "/",
    "/v1/orders",
    "/v1/orders/",
    "/v1/orders/42.json",
    "/a-b_c~d.e",
    "/users/@me",
    "/v1/models/gpt:generate",
    "/a,b/c=d/e+f/g$h/i&j/k!l/m'n/(o)/*",
    "/...",
    "/.well-known/openid-configuration",
    "/a/.../b",
    "/a..b/c.",
    "/%20",
    "/a%20b",
    "/caf%C3%A9",
    "/%F0%9F%94%91",
    "/100%25",
    "/100%25/off",
    "/%25zz",
    "/a%3Ab%40c%2Bd%2Ce%3Df%26g%24h",
    "/what%3F",
    "/%23hash",
    "/%22quoted%22",
    "/%5B0%5D",
    "/_REKEY",
    "/_rekeys",
    "/_rekey-v1",
    "/v1/_rekey",
    "/%EF%BC%BFrekey",
  ])("%s", (path) => expect(pathOf(path)).toBe(path));
});

describe("A9: every spelling of a path becomes the one that servers agree on", () => {
  it.each([
    // RFC 3986 section 6.2.2.2: escapes of unreserved characters.
    ["/%61dmin", "/admin"],
    ["/%7Euser", "/~user"],
    ["/%7euser", "/~user"],
    ["/a%2Db%2ec%5fd", "/a-b.c_d"],
    // Section 6.2.2.1: case of the digits.
    ["/caf%c3%a9", "/caf%C3%A9"],
    ["/a%3ab", "/a%3Ab"],
    // Section 6.2.2.3: dot segments.
    ["/a/./b", "/a/b"],
    ["/a/../b", "/b"],
    ["/a/b/../../c", "/c"],
    ["/./a", "/a"],
    ["/a/.", "/a/"],
    ["/a/..", "/"],
    ["/a/b/..", "/a/"],
    ["/..", "/"],
    ["/../../a", "/a"],
    ["/.", "/"],
    ["/%2e/a", "/a"],
    ["/a/%2E%2e/b", "/b"],
    ["/a/.%2e/b", "/b"],
    ["/a/%2e.", "/"],
    // What browsers escape before they send it, and others do not.
    ["/café", "/caf%C3%A9"],
    ["/🔑", "/%F0%9F%94%91"],
    ["/items[0]", "/items%5B0%5D"],
    ["/a|b^c", "/a%7Cb%5Ec"],
    ['/{id}<>`"', "/%7Bid%7D%3C%3E%60%22"],
  ])("%s is %s", (written, canonical) => expect(pathOf(written)).toBe(canonical));
});

describe("A9: a path that servers read differently is refused", () => {
  const confusing = [
    // Empty segments.
    "//",
    "//x",
    "//evil.example/x",
    "/a//b",
    "/a//",
    "///",
    "/a//../b",
    "/%2e//x",
    // Slashes and backslashes in disguise.
    "/a%2fb",
    "/a%2Fb",
    "/..%2fb",
    "/%2e%2e%2fb",
    "/%2f%2fevil.example",
    "/a\\b",
    "/\\evil.example/x",
    "/\\\\evil.example",
    "/a%5cb",
    "/a%5Cb",
    "/..%5c..%5cb",
    // Path parameters.
    "/a;x=1",
    "/a;/b",
    "/..;/b",
    "/a/..;x/b",
    "/a%3bx=1",
    "/a%3Bx=1",
    // Control characters and spaces.
    "/a%00b",
    "/a%00",
    "/%0d%0aX-Injected:%201",
    "/a%0Ab",
    "/a%1Fb",
    "/a%7Fb",
    "/a%7fb",
    "/a\u0000b",
    "/a\tb",
    "/a\nb",
    "/a b",
    "/a\u007fb",
    "/a#b",
    // Escapes that are none.
    "/%",
    "/a%",
    "/a%2",
    "/a%zz",
    "/a%u002e",
    "/a%-1",
    // Escapes of escapes.
    "/%252e%252e/x",
    "/%252E%252E/x",
    "/a%252fb",
    "/a%255cb",
    "/%2561dmin",
    "/%25252e",
    "/%25%32%65%25%32%65/x",
    "/%25%35Frekey",
    "/%255Frekey",
    // Not UTF-8: a lone byte, an overlong slash and dot, a surrogate, beyond Unicode, cut short.
    "/a%ff",
    "/a%80",
    "/%c0%af",
    "/%c0%ae%c0%ae/x",
    "/%e0%80%af",
    "/%ed%a0%80",
    "/%f4%90%80%80",
    "/%e2%82",
    "/a\ud800b",
  ];

  it.each(confusing)("%j", (path) => expect(pathOf(path)).toBeNull());

  it.each(confusing)("%j, deep inside", (path) => {
    expect(pathOf(`/v1/orders${path}`)).toBeNull();
    expect(pathOf(`${path}/v1`)).toBeNull();
  });

  it("says why", () => {
    const reading = read("/a//b");
    expect(reading).toEqual({ ok: false, because: "the path contains an empty segment" });
  });
});

describe("A9: no spelling of Rekey's own paths but the plain one", () => {
  it.each([
    ["/_rekey", "/_rekey"],
    ["/_rekey/", "/_rekey/"],
    ["/_rekey/v1/keys", "/_rekey/v1/keys"],
    ["/x/../_rekey", "/_rekey"],
    ["/x/%2e%2e/_rekey/v1", "/_rekey/v1"],
    ["/./_rekey", "/_rekey"],
    ["/_rekey/v1/owners/a%40b", "/_rekey/v1/owners/a%40b"],
    ["/_rekey/%76%31/keys", "/_rekey/v1/keys"],
  ])("%s is Rekey's own %s", (written, canonical) => expect(pathOf(written)).toBe(canonical));

  it.each([
    ["/_rekey/../x", "/x"],
    ["/_rekey/%2e%2e/x", "/x"],
    ["/%5Frekey/../x", "/x"],
  ])("%s counts as %s, to which it resolves", (written, canonical) => expect(pathOf(written)).toBe(canonical));

  it.each([
    "/%5Frekey",
    "/%5frekey",
    "/%5Frekey/v1/keys",
    "/_%72ekey",
    "/_reke%79/v1",
    "/%5f%72%65%6b%65%79",
    "//_rekey",
    "//_rekey/v1",
    "/x/../%5Frekey",
    "/_rekey%2fv1",
    "/_rekey%2Fv1",
    "/_rekey\\v1",
    "/_rekey;/v1",
    "/_rekey;x=1",
    "/_rekey%00",
    "/_rekey//v1",
    "/_rekey%20%zz",
    "/%255Frekey",
  ])("%s is refused", (path) => expect(pathOf(path)).toBeNull());

  /** Every way to write the text with each character either plain or escaped, in lower or upper case. */
  const spellings = "_rekey".split("").reduce<string[]>(
    (so_far, character) => {
      const hex = character.charCodeAt(0).toString(16);
      return so_far.flatMap((text) =>
        [...new Set([character, `%${hex}`, `%${hex.toUpperCase()}`])].map((one) => text + one),
      );
    },
    [""],
  );

  it(`of ${spellings.length} spellings of the first segment one is accepted`, () => {
    expect(spellings).toHaveLength(3 * 2 * 2 * 3 * 2 * 2);
    for (const rest of ["", "/", "/v1/keys"]) {
      expect(spellings.filter((spelling) => pathOf(`/${spelling}${rest}`) !== null)).toEqual(["_rekey"]);
    }
  });
});

describe("A9: what is judged is what is forwarded", () => {
  /** Paths made of the parts that confuse, in any order. */
  const anyPath = fc
    .array(
      fc.constantFrom(
        ..."a b . .. / // \\ ; % %2e %2E %2f %5c %5F _rekey %252e %00 %ff %c3%a9 é @ : + ~ %7e %41 | [ %25 %3f # \u0001".split(
          " ",
        ),
      ),
      { maxLength: 12 },
    )
    .map((parts) => `/${parts.join("")}`);

  it("is a fixed point: a canonical path is its own canonical form, also for a URL parser", () => {
    fc.assert(
      fc.property(anyPath, (path) => {
        const canonical = pathOf(path);
        if (canonical === null) return;
        expect(pathOf(canonical)).toBe(canonical);
        expect(new URL(`https://api.example${canonical}`).pathname).toBe(canonical);
      }),
      { numRuns: 20_000, seed: 1 },
    );
  });

  it("reads no path as another than a server that decodes once", () => {
    fc.assert(
      fc.property(anyPath, (path) => {
        const canonical = pathOf(path);
        if (canonical === null) return;
        // Dots of the whole decoded path would have been resolved by such a server; nothing of them may be left.
        const decoded = decodeURIComponent(canonical).split("/");
        expect(decoded.filter((segment) => segment === "." || segment === "..")).toEqual([]);
        expect(decoded.slice(1, -1)).not.toContain("");
        expect(decoded).toHaveLength(canonical.split("/").length);
      }),
      { numRuns: 20_000, seed: 2 },
    );
  });

  it("never takes a path for the origin's that decodes to Rekey's own", () => {
    fc.assert(
      fc.property(anyPath, (path) => {
        const canonical = pathOf(path);
        if (canonical === null) return;
        const isRekeys = /^\/_rekey(?:\/|$)/.test(canonical);
        expect(/^\/_rekey(?:\/|$)/.test(decodeURIComponent(canonical))).toBe(isRekeys);
      }),
      { numRuns: 20_000, seed: 3 },
    );
  });

  it("never throws, whatever the URL", () => {
    fc.assert(
      fc.property(fc.string({ unit: "binary" }), (text) => {
        expect(() => [targetOf(text), targetOf(`http://h/${text}`)]).not.toThrow();
      }),
      { numRuns: 5_000, seed: 4 },
    );
  });

  it("takes no longer for a long path than its length", () => {
    const long = `/${"a/.".repeat(5_000)}%`;
    expect(pathOf(long)).toBeNull();
    expect(pathOf("/a".repeat(8_000))).toHaveLength(16_000);
  });
});

describe("the query", () => {
  it.each([
    ["/a", ""],
    ["/a?", "?"],
    ["/a?b=c", "?b=c"],
    ["/a?b=c?d=/e//f;g%2f%00", "?b=c?d=/e//f;g%2f%00"],
    ["/?x", "?x"],
    ["/a?://b/c", "?://b/c"],
  ])("of %s goes on unread: %j", (target, query) => expect(read(target)).toMatchObject({ ok: true, query }));
});

describe("a target without a path is refused", () => {
  it.each(["http://api.example", "http://api.example*", "http://api.example?x=/y", "*", "", "http:"])("%j", (url) =>
    expect(targetOf(url)).toEqual({ ok: false, because: "the request target has no path" }),
  );
});

describe("a Host header is one host", () => {
  it.each([
    "api.example",
    "api.example:8443",
    "127.0.0.1:1",
    "[::1]:8080",
    "[2001:db8::1]",
    "a_b.example",
    "LOCALHOST",
  ])("%s", (host) => expect(isPlainHost(host)).toBe(true));
  it.each([
    "",
    "a b",
    "a/_rekey",
    "a?x",
    "a#x",
    "a@evil.example",
    "a, b",
    "a\\b",
    "a:b",
    "a:123456",
    "a%2fb",
    "[::1",
    "[::1]x",
  ])("%j is not", (host) => expect(isPlainHost(host)).toBe(false));
});
