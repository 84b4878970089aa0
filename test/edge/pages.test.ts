import { createHash } from "node:crypto";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { CODES } from "../../src/http/codes.ts";
import { contract } from "../support/contract.ts";
import { startRekey, type Rekey } from "../support/rekey.ts";

let rekey: Rekey;
beforeAll(async () => {
  rekey = await startRekey();
});
afterAll(() => rekey.stop());

const asBrowser = { headers: { accept: "text/html,application/xhtml+xml,*/*;q=0.8" } };

/** Fetches a page and holds it to what every page promises. */
async function pageAt(path: string): Promise<string> {
  const response = await fetch(rekey.url + path, asBrowser);
  const text = await response.text();
  expect(response.status).toBe(200);
  expect(response.headers.get("content-type")).toBe("text/html; charset=utf-8");
  expect(response.headers.get("x-content-type-options")).toBe("nosniff");
  expect(response.headers.get("cache-control")).toBe("no-store");
  expect(response.headers.get("rekey-request-id")).toMatch(/^req_[0-9a-f]{32}$/);
  expect(response.headers.getSetCookie()).toEqual([]);

  const styles = [...text.matchAll(/<style>([\s\S]*?)<\/style>/g)].map((match) => match[1]!);
  expect(styles.length).toBe(1);
  const digest = createHash("sha256").update(styles[0]!).digest("base64");
  expect(response.headers.get("content-security-policy")).toBe(
    `default-src 'none'; style-src 'sha256-${digest}'; img-src data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'`,
  );
  // The addresses of examples are text: the policy above lets nothing be fetched anyway.
  expect(text).not.toMatch(
    /<script|(?:src|href)="?https?:|https?:\/\/(?!www\.w3\.org\/2000\/svg|hooks\.acme\.example\/)/i,
  );
  return text;
}

describe("pages are served by the deployment itself, and may run and load nothing", () => {
  it("the reference", async () => {
    expect(await pageAt("/_rekey/docs")).toContain("curl");
  });

  it.each(Object.entries(CODES))("the problem %s", async (code, { status }) => {
    const page = await pageAt(`/_rekey/problems/${code}`);
    expect(page).toContain(`<code>${code}</code>`);
    expect(page).toContain(String(status));
  });

  it("a problem leads to the reference only where there is one", async () => {
    expect(await pageAt("/_rekey/problems/conflict")).toContain('href="/_rekey/docs#codes"');
    await using apart = await startRekey({ vars: { CONTROL_HOST: "control.example" } });
    const response = await fetch(`${apart.url}/_rekey/problems/conflict`, asBrowser);
    expect(response.status).toBe(200);
    expect(await response.text()).not.toContain('href="/_rekey/');
    expect((await fetch(`${apart.url}/_rekey/docs`, asBrowser)).status).toBe(404);
  });

  it("and a problem that nobody has is no page", async () => {
    const response = await fetch(`${rekey.url}/_rekey/problems/no-such-code`, asBrowser);
    expect(response.status).toBe(404);
    expect(await response.json()).toMatchObject({ code: "not-found" });
  });
});

describe("the document", () => {
  it("is served as it stands in the repository, to anybody", async () => {
    const response = await fetch(`${rekey.url}/_rekey/openapi.json`);
    expect(response.status).toBe(200);
    expect(response.headers.get("content-type")).toBe("application/json");
    expect(await response.json()).toEqual(contract);
  });
});
