import { execFile } from "node:child_process";
import { createServer, type IncomingMessage, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { startRekey, type Rekey } from "../support/rekey.ts";

let rekey: Rekey;
beforeAll(async () => {
  rekey = await startRekey();
});
afterAll(() => rekey[Symbol.asyncDispose]());

const root = join(import.meta.dirname, "../..");

/** Runs the command as somebody does at a shell; the token is in the environment. */
const smoke = (...words: string[]) =>
  new Promise<{ readonly code: number; readonly said: string }>((resolve) => {
    const env = { ...process.env, REKEY_ADMIN_TOKEN: rekey.adminToken };
    execFile(process.execPath, ["src/local/smoke.ts", ...words], { cwd: root, env }, (error, stdout, stderr) => {
      resolve({ code: error === null ? 0 : Number(error.code), said: stdout + stderr });
    });
  });

const keysLeft = async () => {
  const headers = { authorization: `Bearer ${rekey.adminToken}` };
  const response = await fetch(`${rekey.url}/_rekey/v1/keys`, { headers });
  return (await response.json<{ items: unknown[] }>()).items;
};

async function bodyOf(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks).toString();
}

/**
 * What Rekey is not: in front of it, whoever was let in once is let in from then on. Of any number at once that ask the
 * same, one is passed on, and its answer is everybody's.
 */
async function cacheOfVerdicts(): Promise<Server> {
  type Answer = { readonly status: number; readonly headers: Record<string, string>; readonly text: string };
  const kept = new Map<string, Promise<Answer>>();
  const pass = async (request: IncomingMessage, body: string): Promise<Answer> => {
    const { method = "GET", url = "/" } = request;
    const headers = { authorization: request.headers.authorization ?? "", "content-type": "application/json" };
    const answer = await fetch(rekey.url + url, { method, headers, body: method === "GET" ? null : body });
    const said = ["content-type", "rekey-request-id"].map((name) => [name, answer.headers.get(name) ?? ""]);
    return { status: answer.status, headers: Object.fromEntries(said) as Answer["headers"], text: await answer.text() };
  };
  const verdict = async (request: IncomingMessage, body: string): Promise<Answer> => {
    const known = kept.get(body);
    if (known !== undefined) return known;
    const asked = pass(request, body);
    kept.set(body, asked);
    if (!(await asked).text.includes('"valid":true')) kept.delete(body);
    return asked;
  };
  const cache = createServer((request, response) => {
    void (async () => {
      const body = await bodyOf(request);
      const { status, headers, text } = await (request.url!.endsWith("/verify") ? verdict : pass)(request, body);
      response.writeHead(status, headers).end(text);
    })();
  });
  await new Promise<void>((resolve) => cache.listen(0, "127.0.0.1", resolve));
  return cache;
}

describe("npm run smoke", () => {
  it("finds that a deployment keeps its promises, and leaves no key behind", async () => {
    const { code, said } = await smoke(rekey.url, "--pairs", "40");
    expect(said).toBe(
      [
        "✓ old secrets that verify refused right after their rotation: 40",
        "✓ old secrets that could not speak for their key any more: 40",
        "✓ of 500 at once on a quota of 50 admitted: 50",
        "✓ and refused: 450",
        "✓ of 100 uses of a revoked key refused: 100",
        "",
        "Everything held.",
        "",
      ].join("\n"),
    );
    expect(code).toBe(0);
    expect(await keysLeft()).toEqual([]);
  });

  it("finds out a deployment whose verdicts are cached, and leaves no key behind there either", async () => {
    const cache = await cacheOfVerdicts();
    try {
      const { port } = cache.address() as AddressInfo;
      const { code, said } = await smoke(`http://127.0.0.1:${port}`, "--pairs", "8");
      expect(said).toContain("✗ of 500 at once on a quota of 50 admitted: 500, but promised is 50");
      expect(said).toContain("does not keep what Rekey promises");
      expect(code).toBe(1);
      expect(await keysLeft()).toEqual([]);
    } finally {
      cache.closeAllConnections();
      cache.close();
    }
  });

  it.each([
    ["without a deployment", [], "Name one deployment"],
    ["with a number that is none", ["http://127.0.0.1:9", "--pairs", "0"], "--pairs must be"],
  ])("says what is missing %s", async (_name, words, sentence) => {
    expect(await smoke(...words)).toMatchObject({ code: 2, said: expect.stringContaining(sentence) as string });
  });
});
