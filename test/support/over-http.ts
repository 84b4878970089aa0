import type { Rekey } from "./rekey.ts";

/** An answer, read to its end. `code` is a problem's code; `admitted` for everything below 400. */
export type Answer = {
  readonly status: number;
  readonly code: string;
  readonly headers: Headers;
  readonly body: Record<string, unknown>;
};

/** One request to one door, and its answer. Rejects when there is none: what happened then is unknown. */
async function ask(url: string, init: RequestInit): Promise<Answer> {
  const response = await fetch(url, { redirect: "manual", ...init });
  const text = await response.text();
  const body = text.startsWith("{") ? (JSON.parse(text) as Record<string, unknown>) : {};
  const code = response.status < 400 ? "admitted" : String(body["code"]);
  return { status: response.status, code, headers: response.headers, body };
}

/** A request through the gateway at this door, with this key. */
export const use = (door: string, key: string, path = "/"): Promise<Answer> =>
  ask(door + path, { headers: { authorization: `Bearer ${key}` } });

/** A call to the control API at this door, as the admin. */
export const control = (rekey: Rekey, method: string, path: string, body?: object, door = rekey.url): Promise<Answer> =>
  ask(`${door}/_rekey/v1${path}`, {
    method,
    headers: { authorization: `Bearer ${rekey.adminToken}`, "content-type": "application/json" },
    ...(body !== undefined && { body: JSON.stringify(body) }),
  });

/** The body of an answer that must have succeeded. */
export async function done(answer: Answer | Promise<Answer>): Promise<Record<string, unknown>> {
  const { status, body } = await answer;
  if (status >= 300) throw new Error(`${status} ${JSON.stringify(body)}`);
  return body;
}

/** Rotates at this door; without a version whatever holds. Gives the new key. */
export const rotate = async (rekey: Rekey, id: string, door = rekey.url, body: object = {}): Promise<string> =>
  (await done(control(rekey, "POST", `/keys/${id}/rotate`, body, door)))["key"] as string;

/** The live record of a key, from its object. */
export const recordOf = (rekey: Rekey, id: string, door = rekey.url): Promise<Record<string, unknown>> =>
  done(control(rekey, "GET", `/keys/${id}`, undefined, door));

/** The whole history of a key, oldest first. */
export async function eventsOf(rekey: Rekey, id: string): Promise<{ sequence: number; type: string }[]> {
  const { items } = await done(control(rekey, "GET", `/keys/${id}/events?limit=200`));
  return (items as { sequence: number; type: string }[]).toReversed();
}

/** Counts equal things: `{ admitted: 50, "quota-exceeded": 450 }`. */
export function tally(words: readonly string[]): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const word of words) counts[word] = (counts[word] ?? 0) + 1;
  return counts;
}

/** The doors in turn, for the nth request. */
export const doorFor = (rekey: Rekey, nth: number): string => rekey.urls[nth % rekey.urls.length]!;
