import { execFile } from "node:child_process";
import { mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { createServer } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { AwsClient, AwsV4Signer } from "aws4fetch";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { codeOf, startGateway, type Gateway, type IssuedKey } from "../support/gateway.ts";
import { onLoopback } from "../support/on-loopback.ts";
import { startRegistry } from "../support/registry.ts";
import { SPELLINGS } from "../support/spellings.ts";

const ROUTES = [
  { path: "/files/*", paths: "opaque" },
  { path: "/npm/*", paths: "opaque" },
  { path: "/bucket/*", paths: "opaque" },
  { path: "/admin/*", scopes: ["admin"] },
  { path: "/public/*", public: true },
  { path: "/dav/*", methods: ["PROPFIND", "MKCOL", "MOVE"] },
  { path: "/v1/reports", methods: ["POST", "DELETE"], scopes: ["reports:write"] },
  { path: "/*" },
];

let gateway: Gateway;
let key: IssuedKey;
beforeAll(async () => {
  gateway = await startGateway({ vars: { ROUTES: JSON.stringify(ROUTES) } });
  key = await gateway.issue();
});
beforeEach(() => void gateway.seen());
afterAll(() => gateway[Symbol.asyncDispose]());

describe("below a rule for opaque paths", () => {
  it.each([
    "/files/@scope%2fname",
    "/files/@scope%2Fname/-/x.tgz",
    "/files/group%2Fproject//tree",
    "/files/a;v=1;w=2/b",
    "/files/a%5Cb%3Bc",
    "/files/https://example.com/a//b?c=%2F",
    "/files/%7Euser/%41",
    "/files/100%25%20sure",
    "/files//",
    "/files/a/",
  ])("%s arrives byte for byte", async (target) => {
    const answer = await gateway.useRaw(key.key, `GET ${target}`);
    expect([answer.status, gateway.seen().map((seen) => seen.target)]).toEqual([200, [target]]);
  });

  it.each(["/files/../x", "/files/%2e%2e/x", "/files/a\\b", "/files/a b", "/files/caf\xc3\xa9"])(
    "%s cannot be forwarded as it is, and is refused with nothing spent",
    async (target) => {
      const answer = await gateway.useRaw(key.key, `GET ${target}`);
      expect(answer.status).toBe(400);
      expect(gateway.seen()).toEqual([]);
    },
  );

  it("no spelling leads around the rule of another path", async () => {
    for (const spelling of SPELLINGS.filter((each) => each.startsWith("/public/") && !each.includes("..."))) {
      const target = Buffer.from(spelling.replace(/^\/public/, "/files"), "utf8").toString("latin1");
      const answer = await gateway.useRaw(key.key, `GET ${target}`);
      expect([target, [400, 403].includes(answer.status) || !/admin/i.test(answer.body)]).toEqual([target, true]);
    }
  });

  it("everything else is as it was: a path with two readings is refused", async () => {
    const answer = await gateway.useRaw(key.key, "GET /other/a%2Fb");
    expect([answer.status, codeOf(answer)]).toEqual([400, "invalid-path"]);
  });

  it("a call with the proxy token is no request of a client", async () => {
    const lines = ["Rekey-Proxy-Token: T3st-proxy-token_of-256-bits_0123456789zyxwvuts"];
    const answer = await gateway.useRaw(key.key, "GET /files/a%2Fb", lines);
    expect(answer.status).toBe(400);
    expect(gateway.seen()).toEqual([]);
  });
});

describe("methods", () => {
  it.each(["PROPFIND", "MKCOL", "MOVE"])("%s is forwarded where a rule names it, and nowhere else", async (method) => {
    expect((await gateway.useRaw(key.key, `${method} /dav/a`)).status).toBe(200);
    expect(gateway.seen().map((seen) => seen.method)).toEqual([method]);
    const elsewhere = await gateway.useRaw(key.key, `${method} /other`);
    expect([elsewhere.status, elsewhere.headers.get("allow")]).toEqual([405, expect.stringContaining(method)]);
    expect((await gateway.useRaw(key.key, "LOCK /dav/a")).status).toBe(405);
    expect(gateway.seen()).toEqual([]);
  });
});

it("an npm client publishes a scoped package and installs it", async () => {
  await using registry = await startRegistry();
  await using front = await startGateway({ origin: registry.url, vars: { ROUTES: JSON.stringify(ROUTES) } });
  const { key: token } = await front.issue();
  const home = await mkdtemp(join(tmpdir(), "rekey-npm-"));
  const url = `${front.rekey.url}/npm/`;
  await mkdir(join(home, "package"));
  await mkdir(join(home, "app"));
  const npmrc = `registry=${url}\n@acme:registry=${url}\n${url.replace("http:", "")}:_authToken=${token}\n`;
  await writeFile(
    join(home, "npmrc"),
    `${npmrc}cache=${join(home, "cache")}\naudit=false\nfund=false\nupdate-notifier=false\n`,
  );
  await writeFile(join(home, "package/package.json"), '{"name":"@acme/tool","version":"1.2.3"}');
  await writeFile(join(home, "package/index.js"), "module.exports = 'installed';");
  await writeFile(join(home, "app/package.json"), '{"name":"app","version":"1.0.0"}');
  const npm = (folder: string, ...words: string[]) =>
    promisify(execFile)("npm", [...words, "--userconfig", join(home, "npmrc"), "--globalconfig", join(home, "none")], {
      cwd: join(home, folder),
    });
  try {
    await npm("package", "publish", "--access", "public");
    await npm("app", "install", "@acme/tool");
    expect(await readFile(join(home, "app/node_modules/@acme/tool/index.js"), "utf8")).toContain("installed");
    expect(registry.seen.filter((line) => /%2f/i.test(line))).toContainEqual(
      expect.stringMatching(/^PUT \/npm\/@acme%2ftool/i),
    );
  } finally {
    await rm(home, { recursive: true });
  }
});

it("an S3 client stores an object under a key with slashes, spaces and percent signs, and its signature holds", async () => {
  const credentials = { accessKeyId: "AKIATEST", secretAccessKey: "secret", region: "us-east-1", service: "s3" };
  const stored: string[] = [];
  const s3 = createServer((request, response) => {
    const headers = new Headers();
    for (const name of ["x-amz-date", "x-amz-content-sha256"]) headers.set(name, String(request.headers[name] ?? ""));
    const url = `http://${String(request.headers["x-forwarded-host"] ?? request.headers.host)}${request.url}`;
    const signer = new AwsV4Signer({
      ...credentials,
      url,
      method: request.method!,
      headers,
      datetime: String(request.headers["x-amz-date"]),
    });
    void signer
      .authHeader()
      .then((expected) => {
        const isRight = expected === request.headers.authorization;
        if (isRight) stored.push(request.url!);
        return response.writeHead(isRight ? 200 : 403).end();
      })
      .catch(() => response.destroy());
  });
  await using origin = await onLoopback(s3);
  const vars = { ROUTES: JSON.stringify(ROUTES), CREDENTIAL_HEADER: "x-api-key" };
  await using front = await startGateway({ origin: origin.url, vars });
  const { key: credential } = await front.issue();
  const client = new AwsClient(credentials);
  for (const name of ["a/b//c", "with%20space", "100%25", "https%3A//example.com/x", "a%2Fb"]) {
    const signed = await client.sign(`${front.rekey.url}/bucket/${name}`, {
      method: "PUT",
      headers: { "x-amz-content-sha256": "UNSIGNED-PAYLOAD" },
    });
    signed.headers.set("x-api-key", credential);
    expect([name, (await fetch(signed)).status]).toEqual([name, 200]);
  }
  expect(stored).toHaveLength(5);
});
