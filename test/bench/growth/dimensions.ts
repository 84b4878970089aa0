import { adminToken } from "../keys.ts";
import { render } from "../request.ts";
import type { Subject } from "../rounds.ts";
import type { Running } from "../workerd.ts";

/** One value of what grows, and what is asked there. */
export type Step = Subject & { readonly size: number };

/** Something that grows, and the same request at each size. */
export type Dimension = { readonly name: string; readonly unit: string; readonly steps: readonly Step[] };

const ADMITTED = { status: 200, marker: '"valid":true' };
const QUOTA = { limit: 1e12, period: "month" };
/** So many calls at once while keys are made: more do not make a small machine faster. */
const AT_ONCE = 32;

/** Makes the keys, and what has grown on them. `quick`: fewer of everything. */
export async function dimensionsOf(
  server: Running,
  quick: boolean,
  progress: (line: string) => void,
): Promise<readonly Dimension[]> {
  const call = callerOf(server);
  const verify = (key: string, question: object = {}) =>
    render({ method: "POST", path: "/_rekey/v1/verify", bearer: adminToken, body: { key, ...question } });
  const step = (size: number, keys: readonly string[], expected = ADMITTED): Step => ({
    name: String(size),
    size,
    server,
    requests: keys.map((key) => verify(key)),
    expected,
  });
  const create = (more: object = {}) =>
    call("/_rekey/v1/keys", { name: "growth", scopes: ["orders:read"], quota: QUOTA, ...more }) as Promise<Created>;

  progress("making keys");
  const many = await times(quick ? 300 : 10_000, async () => (await create()).key);
  const keys = (quick ? [100, 300] : [100, 1_000, 10_000]).map((size) => step(size, many.slice(0, size)));

  progress("rotating");
  const retired: Step[] = [];
  const replaced: Step[] = [];
  for (const size of quick ? [0, 8] : [0, 8, 32]) {
    const { key, record } = await create();
    let newest = key;
    for (let version = 0; version < size; version++) {
      newest = ((await call(`/_rekey/v1/keys/${record.id}/rotate`, {})) as Created).key;
    }
    retired.push(step(size, [newest]));
    // The oldest of all retired secrets: the last one that is looked at.
    if (size > 0) replaced.push(step(size, [key], { status: 200, marker: '"code":"key-rotated"' }));
  }

  progress("amending");
  const events: Step[] = [];
  for (const size of quick ? [1, 50] : [1, 100, 1_000]) {
    const { key, record } = await create();
    for (let event = 1; event < size; event++) {
      await call(`/_rekey/v1/keys/${record.id}`, { name: `growth ${event}` }, "PATCH");
    }
    events.push(step(size, [key]));
  }

  const limits: Step[] = [];
  for (const size of [0, 2, 4, 8]) {
    const rateLimits = Array.from({ length: size }, (_, at) => ({
      name: `limit-${at}`,
      algorithm: at % 2 === 0 ? "window" : "bucket",
      limit: 1e8,
      windowSeconds: 60 * (at + 1),
    }));
    limits.push(step(size, [(await create({ rateLimits })).key]));
  }

  progress("reserving");
  const reservations: Step[] = [];
  for (const size of quick ? [0, 50] : [0, 100, 1_000]) {
    const { key } = await create();
    await times(size, () => call("/_rekey/v1/verify", { key, reserve: 1 }));
    reservations.push(step(size, [key]));
  }

  return [
    { name: "keys in use", unit: "keys, in turn", steps: keys },
    { name: "retired secrets, asked with the current one", unit: "retired secrets", steps: retired },
    { name: "retired secrets, asked with the oldest one", unit: "retired secrets", steps: replaced },
    { name: "events of a key", unit: "events", steps: events },
    { name: "limits of a key", unit: "limits beside a quota", steps: limits },
    { name: "open reservations of a key", unit: "open reservations", steps: reservations },
  ];
}

type Created = { readonly key: string; readonly record: { readonly id: string } };

const callerOf =
  ({ port }: Running) =>
  async (path: string, body: object, method = "POST"): Promise<unknown> => {
    const response = await fetch(`http://127.0.0.1:${port}${path}`, {
      method,
      headers: { authorization: `Bearer ${adminToken}`, "content-type": "application/json" },
      body: JSON.stringify(body),
    });
    const answer = await response.text();
    if (!response.ok) throw new Error(`${method} ${path}: ${response.status} ${answer}`);
    return JSON.parse(answer);
  };

/** Does something so many times, some of it at once. */
async function times<T>(count: number, act: () => Promise<T>): Promise<readonly T[]> {
  const done: T[] = [];
  let begun = 0;
  const work = async (): Promise<void> => {
    while (begun < count) {
      begun += 1;
      done.push(await act());
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, work));
  return done;
}
