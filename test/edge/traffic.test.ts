import { createHash } from "node:crypto";
import { once } from "node:events";
import { request as httpRequest, type ClientRequest, type IncomingMessage } from "node:http";
import { Readable } from "node:stream";
import { buffer } from "node:stream/consumers";
import { brotliCompressSync, gzipSync, zstdCompressSync } from "node:zlib";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { startGateway, WAYS, type Gateway, type IssuedKey } from "../support/gateway.ts";

/*
 * What an API says and hears over HTTP, on each of the three ways to an origin. The client neither unpacks nor joins
 * anything, so that what is compared is what was sent.
 */

/** Not all alike, so that a part that is lost, repeated or moved shows. */
const DOCUMENT = Buffer.from(Array.from({ length: 100_000 }, (_, at) => (at * at) % 251));

const sha256 = (bytes: Uint8Array) => createHash("sha256").update(bytes).digest("hex");

describe.each(WAYS)("by %s", (way) => {
  let gateway: Gateway;
  let key: IssuedKey;
  beforeAll(async () => {
    gateway = await startGateway({ way });
    key = await gateway.issue();
  });
  afterAll(() => gateway[Symbol.asyncDispose]());

  /** A request that is being made. Its body is for the caller to write, and to end. */
  function open(method: string, path: string, headers: Record<string, string> = {}): ClientRequest {
    const zone = way === "the zone's own origin" ? { host: new URL(gateway.origin.url).host } : {};
    return httpRequest(gateway.rekey.url + path, {
      method,
      headers: { ...zone, authorization: `Bearer ${key.key}`, ...headers },
    });
  }

  async function answerTo(request: ClientRequest): Promise<IncomingMessage> {
    const [answer] = (await once(request, "response")) as [IncomingMessage];
    return answer;
  }

  const ask = (method: string, path: string, headers: Record<string, string> = {}, body?: Uint8Array) =>
    answerTo(open(method, path, headers).end(body));

  describe("a document", () => {
    beforeAll(() => {
      gateway.origin.on("/document", (request, response) => {
        const { range, "if-none-match": ifNoneMatch, "if-match": ifMatch } = request.headers;
        response.setHeader("etag", '"1"').setHeader("accept-ranges", "bytes");
        if (ifNoneMatch === '"1"') return response.writeHead(304).end();
        if (ifMatch !== undefined && ifMatch !== '"1"') return response.writeHead(412).end();
        const [, from = 0, to = DOCUMENT.length - 1] = /^bytes=(\d+)-(\d+)$/.exec(range ?? "")?.map(Number) ?? [];
        const part = DOCUMENT.subarray(from, to + 1);
        if (range !== undefined) response.setHeader("content-range", `bytes ${from}-${to}/${DOCUMENT.length}`);
        response.writeHead(range === undefined ? 200 : 206, { "content-length": part.length });
        return response.end(request.method === "HEAD" ? undefined : part);
      });
    });

    it("is announced to HEAD with its length", async () => {
      const answer = await ask("HEAD", "/document");
      expect([answer.statusCode, answer.headers["content-length"], answer.headers.etag]).toEqual([
        200,
        "100000",
        '"1"',
      ]);
      expect(await buffer(answer)).toHaveLength(0);
    });

    it("comes in parts", async () => {
      const answer = await ask("GET", "/document", { range: "bytes=70000-70999" });
      expect([answer.statusCode, answer.headers["content-range"]]).toEqual([206, "bytes 70000-70999/100000"]);
      expect(await buffer(answer)).toEqual(DOCUMENT.subarray(70_000, 71_000));
    });

    it("is not sent again to who has it", async () => {
      const answer = await ask("GET", "/document", { "if-none-match": '"1"' });
      expect([answer.statusCode, answer.headers.etag]).toEqual([304, '"1"']);
      expect(await buffer(answer)).toHaveLength(0);
    });

    it("is not changed by who has an older one", async () => {
      const answer = await ask("PUT", "/document", { "if-match": '"0"' }, DOCUMENT);
      expect(answer.statusCode).toBe(412);
    });
  });

  it.each([
    ["gzip", gzipSync(DOCUMENT)],
    ["br", brotliCompressSync(DOCUMENT)],
    ["zstd", zstdCompressSync(DOCUMENT)],
  ])("a body in %s stays as it is packed, long or short", async (coding, packed) => {
    for (const body of [packed, packed.subarray(0, 20)]) {
      gateway.origin.on("/packed", (_request, response) =>
        response.writeHead(200, { "content-encoding": coding, "content-length": body.length }).end(body),
      );
      const answer = await ask("GET", "/packed", { "accept-encoding": coding });
      expect([answer.headers["content-encoding"], answer.headers["content-length"]]).toEqual([
        coding,
        `${body.length}`,
      ]);
      expect(await buffer(answer)).toEqual(body);
    }
  });

  it("a form with a file arrives as it was filled in", async () => {
    const read = async (request: IncomingMessage) => {
      const headers = { "content-type": request.headers["content-type"]! };
      const form = await new Response(await buffer(request), { headers }).formData();
      const file = form.get("file") as File;
      return [form.get("name"), file.name, file.type, sha256(await file.bytes())];
    };
    gateway.origin.on("/form", (request, response) => {
      void read(request).then((filledIn) => response.end(JSON.stringify(filledIn)));
    });
    const form = new FormData();
    form.set("name", "Zoë & co\r\n--boundary");
    form.set("file", new File([DOCUMENT], "a b.bin", { type: "application/octet-stream" }));
    const encoded = new Response(form);
    const answer = await ask(
      "POST",
      "/form",
      { "content-type": encoded.headers.get("content-type")! },
      await encoded.bytes(),
    );
    expect(JSON.parse((await buffer(answer)).toString())).toEqual([
      "Zoë & co\r\n--boundary",
      "a b.bin",
      "application/octet-stream",
      sha256(DOCUMENT),
    ]);
  });

  it("events arrive one by one, while the answer is still open", async () => {
    let send = (_text: string): unknown => undefined;
    gateway.origin.on("/events", (_request, response) => {
      response.writeHead(200, { "content-type": "text/event-stream" }).write("data: 0\n\n");
      send = (text) => (text === "" ? response.end() : response.write(text));
    });
    const answer = await ask("GET", "/events");
    const events: string[] = [];
    // Each is sent only when the one before has arrived: whoever collects would stand still here.
    for await (const chunk of answer.setEncoding("utf8")) {
      events.push(chunk as string);
      send(events.length < 5 ? `data: ${events.length}\n\n` : "");
    }
    expect(events).toEqual([0, 1, 2, 3, 4].map((at) => `data: ${at}\n\n`));
  });

  it("binary messages go to and fro on one request, each when it is sent", async () => {
    gateway.origin.on("/echo", (request, response) => {
      response.writeHead(200, { "content-type": "application/grpc-web+proto" }).flushHeaders();
      request.pipe(response);
    });
    const request = open("POST", "/echo", { "content-type": "application/grpc-web+proto" });
    const message = (at: number) => Buffer.concat([Buffer.from([0, 0, 0, 1, 0]), DOCUMENT.subarray(at, at + 256)]);
    request.write(message(0));
    const answer = await answerTo(request);
    const echoes: Buffer[] = [];
    for await (const chunk of answer) {
      echoes.push(chunk as Buffer);
      if (echoes.length < 5) request.write(message(echoes.length));
      else request.end();
    }
    expect(echoes).toEqual([0, 1, 2, 3, 4].map(message));
  });

  it("50 MB in chunks arrive to the last byte", async () => {
    const pieces = function* () {
      for (let at = 0; at < 500; at++) {
        const piece = Buffer.from(DOCUMENT);
        piece.writeUInt32BE(at);
        yield piece;
      }
    };
    gateway.origin.on("/download", (_request, response) => void Readable.from(pieces()).pipe(response));
    const answer = await ask("GET", "/download");
    const [seen, sent] = [createHash("sha256"), createHash("sha256")];
    let length = 0;
    for await (const chunk of answer) {
      seen.update(chunk as Buffer);
      length += (chunk as Buffer).length;
    }
    for (const piece of pieces()) sent.update(piece);
    expect([length, answer.complete, seen.digest("hex")]).toEqual([50_000_000, true, sent.digest("hex")]);
  });
});
