import { vi } from "vitest";

/** A request as the stand-in for the internet saw it. */
export type Sent = {
  readonly url: string;
  readonly headers: Headers;
  readonly body: string;
  readonly redirect: string;
};

/** What a receiver answers; `null` is never. */
export type Answer = (sent: Sent) => Response | Promise<Response> | null;

export type Internet = Disposable & {
  /** Every message that was sent, in order. */
  readonly sent: Sent[];
  /** How often somebody asked where a name leads. */
  readonly questions: string[];
  /** How receivers answer from now on. Default: 204. */
  answers: Answer;
  /** Where names lead: the addresses of A and AAAA alike, "silent", or "failing". Default: a public address. */
  leads: (name: string) => readonly string[] | "silent" | "failing";
};

/** Stands in the place of `fetch` until it is disposed of: receivers, and the resolver of names. */
export function stubInternet(): Internet {
  const internet: Internet = {
    sent: [],
    questions: [],
    answers: () => new Response(null, { status: 204 }),
    leads: () => ["198.41.0.4", "2001:4860:4860::8888"],
    [Symbol.dispose]() {
      spy.mockRestore();
    },
  };
  const spy = vi.spyOn(globalThis, "fetch").mockImplementation(async (input, init) => {
    const request = new Request(input, init);
    const url = new URL(request.url);
    if (request.headers.get("accept") === "application/dns-json") return resolved(internet, url.searchParams);
    const sent = { url: request.url, headers: request.headers, body: await request.text(), redirect: request.redirect };
    internet.sent.push(sent);
    const answer = internet.answers(sent);
    return answer ?? new Promise<Response>((_, reject) => rejectWith(init?.signal ?? null, reject));
  });
  return internet;
}

function rejectWith(signal: AbortSignal | null, reject: (cause: unknown) => void): void {
  signal?.addEventListener("abort", () => reject(signal.reason));
}

function resolved({ leads, questions }: Internet, asked: URLSearchParams): Response {
  const name = asked.get("name")!;
  questions.push(name);
  const addresses = leads(name);
  if (addresses === "failing") throw new TypeError("the resolver is not there");
  if (addresses === "silent") return Response.json({ Status: 2 });
  const type = Number(asked.get("type"));
  const fitting = addresses.filter((address) => address.includes(":") === (type === 28));
  const Answer = fitting.map((data) => ({ name, type, TTL: 60, data }));
  return Response.json(Answer.length === 0 ? { Status: 0 } : { Status: 0, Answer });
}
