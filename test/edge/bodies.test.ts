import { createHash } from "node:crypto";
import { request as httpRequest } from "node:http";
import { connect } from "node:net";
import { Readable } from "node:stream";
import { text } from "node:stream/consumers";
import { setTimeout } from "node:timers/promises";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { codeOf, startGateway, valuesOf, type Gateway, type IssuedKey } from "../support/gateway.ts";
import { listenerOn, memoryOf, peakOf, resetPeak } from "../support/memory-of.ts";
import { rawRequest } from "../support/raw-http.ts";

let gateway: Gateway;
let key: IssuedKey;
beforeAll(async () => {
  gateway = await startGateway();
  key = await gateway.issue({ quota: { limit: 1_000_000, period: "day" } });
});
beforeEach(() => void gateway.seen());
afterAll(() => gateway[Symbol.asyncDispose]());

const spent = async () => ((await gateway.control("GET", `/keys/${key.id}`)) as { quota: { used: number } }).quota.used;

describe("A12: headers beyond the bound", () => {
  it.each([
    ["one of 128 KiB", [`X-Big: ${"a".repeat(128 * 1024)}`]],
    ["one of 33 KiB", [`X-Big: ${"a".repeat(33 * 1024)}`]],
    ["a thousand of 50 characters", Array.from({ length: 1_000 }, (_, at) => `X-${at}: ${"a".repeat(50)}`)],
  ])("%s: 431, nothing spent, nothing forwarded", async (_name, lines) => {
    const before = await spent();
    const answer = await gateway.useRaw(key.key, "GET /", lines);
    expect([answer.status, codeOf(answer)]).toEqual([431, "header-too-large"]);
    expect(gateway.seen()).toEqual([]);
    expect(await spent()).toBe(before);
  });

  it("without a key they are refused for that", async () => {
    const answer = await gateway.useRaw(null, "GET /", [`X-Big: ${"a".repeat(128 * 1024)}`]);
    expect(codeOf(answer)).toBe("missing-credentials");
  });

  it("31 KiB pass", async () => {
    expect((await gateway.useRaw(key.key, "GET /", [`X-Big: ${"a".repeat(31 * 1024)}`])).status).toBe(200);
    expect(valuesOf(gateway.seen()[0], "x-big")[0]).toHaveLength(31 * 1024);
  });

  it("a path beyond what the runtime reads is refused by it", async () => {
    expect((await gateway.useRaw(key.key, `GET /${"a".repeat(128 * 1024)}`)).status).toBe(414);
  });
});

describe("A12: a body where nobody expects one", () => {
  it.each(["GET", "HEAD", "DELETE", "OPTIONS"])("of a %s is passed", async (method) => {
    expect((await gateway.useRaw(key.key, `${method} /`, ["Content-Length: 3"], "abc")).status).toBe(200);
    expect(gateway.seen()).toMatchObject([{ method, body: "abc" }]);
  });

  it.each(["GET", "HEAD"])("of a %s in chunks is refused: it would get lost on the way", async (method) => {
    const lines = ["Transfer-Encoding: chunked"];
    expect((await gateway.useRaw(key.key, `${method} /`, lines, "3\r\nabc\r\n0\r\n\r\n")).status).toBe(400);
    expect(gateway.seen()).toEqual([]);
  });
});

describe("A12: a body that lies about its length, or breaks off", () => {
  /** Sends this much of an upload, hangs up once the origin is reading it, and says what the origin took it for. */
  async function cutShort(lines: readonly string[], body: string): Promise<"whole" | "broken"> {
    const reading = Promise.withResolvers<void>();
    const ended = Promise.withResolvers<"whole" | "broken">();
    gateway.origin.on("/cut", (request, response) => {
      request.on("data", () => reading.resolve()).on("error", () => ended.resolve("broken"));
      request.on("end", () => {
        ended.resolve("whole");
        response.end();
      });
    });
    const { hostname, port } = new URL(gateway.rekey.url);
    const socket = connect(Number(port), hostname).on("error", () => {});
    const credential = `Authorization: Bearer ${key.key}`;
    socket.write(rawRequest(gateway.rekey.url, "POST /cut HTTP/1.1", [credential, ...lines], body));
    await reading.promise;
    socket.end();
    const taken = await ended.promise;
    socket.destroy();
    return taken;
  }
  const PIECE = "a".repeat(100_000);
  const CHUNK = `${PIECE.length.toString(16)}\r\n${PIECE}\r\n`;

  it.each([
    ["in chunks", ["Transfer-Encoding: chunked"], CHUNK],
    ["of a given length", [`Content-Length: ${2 * PIECE.length}`], PIECE],
  ])("half an upload %s never looks whole to the origin", async (_name, lines, body) => {
    expect(await cutShort(lines, body)).toBe("broken");
  });

  it.each([
    ["in chunks", ["Transfer-Encoding: chunked"], `${CHUNK}0\r\n\r\n`],
    ["of a given length", [`Content-Length: ${PIECE.length}`], PIECE],
  ])("the control: a whole one %s does", async (_name, lines, body) => {
    expect(await cutShort(lines, body)).toBe("whole");
  });

  it.each([
    "zz\r\nabc\r\n0\r\n\r\n",
    "3\r\nabc\r\nzz\r\nabc\r\n0\r\n\r\n",
    "0x3\r\nabc\r\n0\r\n\r\n",
    "+3\r\nabc\r\n0\r\n\r\n",
  ])("chunks that cannot be read (%j) are 400, and never look whole to the origin", async (body) => {
    const answer = await gateway.useRaw(key.key, "POST /", ["Transfer-Encoding: chunked"], body);
    expect([answer.status, codeOf(answer)]).toEqual([400, "invalid-request"]);
    expect(gateway.seen()).toEqual([]);
  });

  it("what comes after the announced length is no part of the body", async () => {
    const smuggled = "GET /smuggled HTTP/1.1\r\nHost: x\r\n\r\n";
    await gateway.useRaw(key.key, "POST /", ["Content-Length: 3"], `abc${smuggled}`);
    expect(gateway.seen()).toMatchObject([{ target: "/", body: "abc" }]);
  });
});

describe("A13: more than one opinion on where the body ends", () => {
  it.each<[string, readonly string[], string]>([
    ["two lengths", ["Content-Length: 3", "Content-Length: 5"], "abcde"],
    ["a list of lengths", ["Content-Length: 3, 3"], "abc"],
    ["a negative length", ["Content-Length: -3"], "abc"],
    ["a signed length", ["Content-Length: +3"], "abc"],
    ["a length beyond all numbers", ["Content-Length: 99999999999999999999"], "abc"],
    ["a length that no number can hold exactly", ["Content-Length: 9007199254740993"], "abc"],
    ["an unknown coding", ["Transfer-Encoding: xchunked"], "3\r\nabc\r\n0\r\n\r\n"],
    ["a coding under the chunks", ["Transfer-Encoding: gzip, chunked"], "3\r\nabc\r\n0\r\n\r\n"],
    ["identity", ["Transfer-Encoding: identity"], "abc"],
    ["two codings", ["Transfer-Encoding: chunked", "Transfer-Encoding: identity"], "3\r\nabc\r\n0\r\n\r\n"],
    ["a space before the colon", ["Transfer-Encoding : chunked"], "3\r\nabc\r\n0\r\n\r\n"],
  ])("%s: 400, nothing forwarded", async (_name, lines, body) => {
    expect((await gateway.useRaw(key.key, "POST /", lines, body)).status).toBe(400);
    expect(gateway.seen()).toEqual([]);
  });

  it.each([
    ["length first", ["Content-Length: 3", "Transfer-Encoding: chunked"]],
    ["length last", ["Transfer-Encoding: chunked", "Content-Length: 100"]],
  ])("length and chunks, %s: read as chunks, and the length is never copied to the origin", async (_name, lines) => {
    await gateway.useRaw(key.key, "POST /", lines, "5\r\nhello\r\n0\r\n\r\n");
    const [seen] = gateway.seen();
    expect(seen).toMatchObject({ body: "hello" });
    expect(valuesOf(seen, "content-length")).toEqual([]);
  });

  it("the same length twice is one length", async () => {
    await gateway.useRaw(key.key, "POST /", ["Content-Length: 3", "Content-Length: 3"], "abc");
    const [seen] = gateway.seen();
    expect(seen!.body).toBe("abc");
    expect(valuesOf(seen, "content-length")).toEqual(["3"]);
  });

  it("Content_Length is nobody's length", async () => {
    await gateway.useRaw(key.key, "POST /", ["Content_Length: 1", "Transfer_Encoding: x", "Content-Length: 3"], "abc");
    const [seen] = gateway.seen();
    expect(seen!.body).toBe("abc");
    expect(seen!.headers.map(([name]) => name).filter((name) => name.includes("_"))).toEqual([]);
  });

  it("a trailer does not become a header", async () => {
    const lines = ["Transfer-Encoding: chunked", "Trailer: Rekey-Owner"];
    await gateway.useRaw(key.key, "POST /", lines, "3\r\nabc\r\n0\r\nRekey-Owner: evil\r\n\r\n");
    expect(JSON.stringify(gateway.seen())).not.toContain("evil");
  });
});

describe("bodies stream", () => {
  const SIZE = 64 * 1024 * 1024;
  /** A quarter of what passes through: enough for buffers on both sides, far too little for the body. */
  const ROOM = 16 * 1024 * 1024;

  /** So many bytes, made as they are asked for. Not all alike, so that a lost or repeated part shows in the digest. */
  function* pieces(size: number): Generator<Buffer> {
    const piece = Buffer.alloc(64 * 1024);
    for (let at = 0; at < size; at += piece.length) {
      piece.writeUInt32BE(at, 0);
      yield Buffer.from(piece);
    }
  }
  function digestOf(all: Iterable<Uint8Array>): string {
    const hash = createHash("sha256");
    for (const piece of all) hash.update(piece);
    return hash.digest("hex");
  }
  async function digestOfStream(stream: AsyncIterable<Uint8Array>): Promise<string> {
    const hash = createHash("sha256");
    for await (const piece of stream) hash.update(piece);
    return hash.digest("hex");
  }

  /** By how much the gateway's process grew at its largest while this ran, in bytes. Measured on Linux only. */
  async function growthDuring(run: () => Promise<void>): Promise<number> {
    if (process.platform !== "linux") {
      await run();
      return 0;
    }
    const pid = listenerOn(Number(new URL(gateway.rekey.url).port));
    resetPeak(pid);
    const before = memoryOf(pid);
    await run();
    return peakOf(pid) - before;
  }

  /** Uploads 64 MiB, with its length or in chunks, and gives what the origin made of it. */
  const upload = (headers: Record<string, number>) =>
    new Promise<{ digest: string; length: string | null }>((resolve, reject) => {
      const credential = { authorization: `Bearer ${key.key}` };
      const sending = httpRequest(`${gateway.rekey.url}/up`, {
        method: "POST",
        headers: { ...credential, ...headers },
      });
      sending.on("error", reject).on("response", (response) => {
        void text(response).then((body) => resolve(JSON.parse(body) as { digest: string; length: string | null }));
      });
      Readable.from(pieces(SIZE)).pipe(sending);
    });

  it.each([
    ["in chunks", {}, null],
    ["of a given length", { "content-length": SIZE }, String(SIZE)],
  ])("64 MiB up, %s: unchanged, in bounded memory", async (_name, headers, told) => {
    gateway.origin.on("/up", (incoming, response) => {
      const length = incoming.headers["content-length"] ?? null;
      void digestOfStream(incoming).then((digest) => response.end(JSON.stringify({ digest, length })));
    });
    const growth = await growthDuring(async () => {
      expect(await upload(headers)).toEqual({ digest: digestOf(pieces(SIZE)), length: told });
    });
    expect(growth).toBeLessThan(ROOM);
  });

  it("64 MiB down, unchanged, in bounded memory, also for a client that reads slowly", async () => {
    let given = 0;
    gateway.origin.on("/down", (_request, response) => {
      response.setHeader("content-length", SIZE);
      given = 0;
      const counted = function* () {
        for (const piece of pieces(SIZE)) {
          given += piece.length;
          yield piece;
        }
      };
      Readable.from(counted()).pipe(response);
    });
    const growth = await growthDuring(async () => {
      const response = await gateway.use(key.key, "/down");
      expect(response.headers.get("content-length")).toBe(String(SIZE));
      // Nothing has been read yet: what the origin can give away is what lies in buffers on the way.
      for (let before = -1; before !== given; await setTimeout(100)) before = given;
      expect(given).toBeLessThan(SIZE);
      expect(await digestOfStream(response.body as unknown as AsyncIterable<Uint8Array>)).toBe(digestOf(pieces(SIZE)));
    });
    expect(growth).toBeLessThan(ROOM);
  });

  it("an origin that answers before it has read everything is heard", async () => {
    gateway.origin.on("/full", (_request, response) => {
      response.writeHead(413, { "content-length": "8" }).end("too much");
    });
    const answer = await gateway.useRaw(key.key, "POST /full", [`Content-Length: ${SIZE}`], "a".repeat(100_000));
    expect([answer.status, answer.body]).toEqual([413, "too much"]);
  });

  it("a slow body is no silence: the origin's clock starts when it has everything", async () => {
    await using patient = await startGateway({ vars: { ORIGIN_TIMEOUT_MS: "200" } });
    const { key: issued } = await patient.issue();
    async function* slowly() {
      for (const piece of ["a", "b", "c"]) {
        yield Buffer.from(piece);
        await setTimeout(150);
      }
    }
    const response = await patient.use(issued, "/", {
      method: "POST",
      body: Readable.toWeb(Readable.from(slowly())) as unknown as BodyInit,
      duplex: "half",
    } as RequestInit);
    expect([response.status, patient.seen()[0]!.body]).toEqual([200, "abc"]);
  });
});
