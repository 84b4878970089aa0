import { describe, expect, it } from "vitest";
import { readBody } from "../../src/control/read-body.ts";
import { BOUNDS } from "../../src/key/policy.ts";

const post = (body: BodyInit | null, headers: Record<string, string> = { "content-type": "application/json" }) =>
  new Request("https://rekey.test/", { method: "POST", headers, body, duplex: "half" } as RequestInit);

/** A body that arrives in pieces and tells how many of them were taken. */
function inPieces(piece: Uint8Array, pieces: number) {
  const taken = { pieces: 0 };
  const stream = new ReadableStream<Uint8Array>(
    {
      pull(controller) {
        if (taken.pieces === pieces) return controller.close();
        taken.pieces += 1;
        controller.enqueue(piece);
      },
    },
    { highWaterMark: 0 },
  );
  return { stream, taken };
}

const padded = (bytes: number) => `{}${" ".repeat(bytes - 2)}`;

describe("a body", () => {
  it.each([
    ["absent", null, {}],
    ["empty, of any type", "", { "content-type": "application/x-www-form-urlencoded" }],
  ] as const)("that is %s is {}", async (_name, body, headers) => {
    expect(await readBody(post(body, headers))).toEqual({ ok: true, value: {} });
  });

  it.each(["application/json", "Application/JSON; charset=utf-8", "application/json ;x=y"])(
    "may be sent as %s",
    async (type) => {
      expect(await readBody(post('{"a":1}', { "content-type": type }))).toEqual({ ok: true, value: { a: 1 } });
    },
  );

  it.each(["text/plain", "application/x-www-form-urlencoded", "application/jsonp", "text/json, application/json", ""])(
    "may not be sent as %s: a form in a browser could send it",
    async (type) => {
      expect(await readBody(post('{"a":1}', { "content-type": type }))).toMatchObject({
        ok: false,
        fault: { path: "", message: "must be sent as Content-Type: application/json" },
      });
    },
  );

  it.each([
    ["cut off", '{"a":1'],
    ["two documents", "{}{}"],
    ["not UTF-8", new Uint8Array([0x22, 0xff, 0x22])],
    ["with a NUL behind it", "{}\0"],
  ])("that is %s is not JSON", async (_name, body) => {
    expect(await readBody(post(body))).toMatchObject({ ok: false, fault: { path: "", message: "is not JSON" } });
  });

  it("may have 64 KiB and not a byte more", async () => {
    expect(await readBody(post(padded(BOUNDS.bodyBytes)))).toEqual({ ok: true, value: {} });
    expect(await readBody(post(padded(BOUNDS.bodyBytes + 1)))).toEqual({ ok: false, tooLarge: true });
  });

  it.each([
    ["no length is promised", {}],
    ["it promises to be too large", { "content-length": "1000000" }],
    ["it comes in chunks, whatever length is promised", { "content-length": "2", "transfer-encoding": "chunked" }],
  ])("is not read on once it is too large, when %s", async (_name, framing: Record<string, string>) => {
    const { stream, taken } = inPieces(new Uint8Array(16 * 1024).fill(0x20), 1_000);
    const request = { headers: new Headers({ "content-type": "application/json", ...framing }), body: stream };
    expect(await readBody(request as unknown as Request)).toEqual({ ok: false, tooLarge: true });
    expect(taken.pieces).toBe(5);
  });

  it("that is longer than it promised is too large all the same", async () => {
    const { stream } = inPieces(new Uint8Array(16 * 1024).fill(0x20), 5);
    const lying = { "content-type": "application/json", "content-length": "2" };
    expect(await readBody(post(stream, lying))).toEqual({ ok: false, tooLarge: true });
  });

  it("that arrives byte by byte is the same body", async () => {
    const bytes = new TextEncoder().encode('{"name":"ключ"}');
    let at = 0;
    const stream = new ReadableStream<Uint8Array>({
      pull: (controller) => (at < bytes.length ? controller.enqueue(bytes.slice(at, ++at)) : controller.close()),
    });
    expect(await readBody(post(stream))).toEqual({ ok: true, value: { name: "ключ" } });
  });
});
