import { adminToken } from "../keys.ts";
import { render } from "../request.ts";
import type { Subject } from "../rounds.ts";

/** Somebody who authenticates keys: Rekey, or a peer. */
export type Contender = {
  readonly id: string;
  readonly name: string;
  readonly server: Subject["server"];
  /** Makes a key that may be used `limit` times. */
  readonly create: (limit: number) => Promise<{ readonly id: string; readonly key: string }>;
  /** Returns when it has been answered that the key is dead. */
  readonly revoke: (id: string) => Promise<void>;
  /** The request that asks for a verdict, as it goes over the wire. */
  readonly request: (key: string) => string;
  /** Of Rekey, how many times as fast; null where none was promised, and for Rekey itself. */
  readonly target: number | null;
  /** What it does not do that Rekey does; empty for Rekey. */
  readonly without: string;
};

/** A contender as it is measured. */
export type Entry = Subject & { readonly contender: Contender };

/** What only an admission contains. */
export const ADMITTED = { status: 200, marker: '"valid":true' };

/** The addresses of a contender. */
type Paths = { readonly keys: string; readonly verify: string };

type Described = Pick<Contender, "id" | "name" | "server" | "target" | "without">;

/** A peer: the same requests to all of them. It is not asked to authenticate who asks it, which Rekey does. */
export const peerOf = (described: Described): Contender =>
  contenderOf(described, { keys: "/keys", verify: "/verify" }, (limit) => ({ limit }));

export const rekeyOf = (described: Described): Contender =>
  contenderOf(described, { keys: "/_rekey/v1/keys", verify: "/_rekey/v1/verify" }, (limit) => ({
    name: "bench",
    owner: "acme",
    scopes: ["orders:read"],
    quota: { limit, period: "none" },
  }));

function contenderOf(described: Described, paths: Paths, newKey: (limit: number) => object): Contender {
  const post = async (path: string, body: object): Promise<unknown> => {
    const response = await fetch(`http://127.0.0.1:${described.server.port}${path}`, {
      method: "POST",
      headers: { authorization: `Bearer ${adminToken}`, "content-type": "application/json" },
      body: JSON.stringify(body),
    });
    if (!response.ok) throw new Error(`${described.name}, ${path}: ${response.status} ${await response.text()}`);
    return response.json();
  };
  return {
    ...described,
    create: async (limit) => {
      const made = (await post(paths.keys, newKey(limit))) as { id?: string; key: string; record?: { id: string } };
      return { id: made.record?.id ?? made.id!, key: made.key };
    },
    revoke: async (id) => void (await post(`${paths.keys}/${id}/revoke`, {})),
    request: (key) => render({ method: "POST", path: paths.verify, bearer: adminToken, body: { key } }),
  };
}
