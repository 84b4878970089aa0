import { once } from "node:events";
import { WebSocket } from "ws";
import { openRawStream } from "../../support/open-streams.ts";
import type { Rekey } from "../../support/rekey.ts";
import { control, issue, type Issued } from "../support/admin.ts";
import { deploy } from "../support/deployment.ts";
import { startEndlessOrigin } from "../support/endless-origin.ts";
import { addUp, type Campaign, type Findings } from "./campaign.ts";

/** From the answer that the key has ended to the end of the last of its connections, in milliseconds (P14). */
const SOON_MS = 1_000;

const BYSTANDERS = 4;

const ROUTES = [{ path: "/live", websocket: true }];

type Holder = Issued & { readonly owner: string };

/** What ends a key, as calls of the control API. `owner`: it ends every key of the owner. */
const ENDS: readonly { readonly how: string; readonly path: (holder: Holder) => string; readonly owner?: true }[] = [
  { how: "revoke", path: ({ id }) => `/keys/${id}/revoke` },
  { how: "rotate", path: ({ id }) => `/keys/${id}/rotate` },
  { how: "suspend", path: ({ id }) => `/keys/${id}/suspend` },
  { how: "suspend the owner", path: ({ owner }) => `/owners/${owner}/suspend`, owner: true },
  { how: "revoke the owner", path: ({ owner }) => `/owners/${owner}/revoke`, owner: true },
];

/**
 * Event streams and WebSockets of several keys are open at once; one key ends, or its owner. All that was opened with it is
 * cut within a second of the answer, and nothing that was opened with another key.
 */
export const C14: Campaign = {
  name: "C14",
  title: "streams and WebSockets that outlive their key",
  short: 50,
  full: 500,
  unit: "connections",
  isTimed: true,
  async run(size, seed, progress) {
    await using origin = await startEndlessOrigin();
    await using rekey = await deploy({ edges: 2, origin: origin.url, vars: { ROUTES: JSON.stringify(ROUTES) } });
    let counts: Findings["counts"] = { connections: 0 };
    const violations: string[] = [];
    for (const [at, end] of ENDS.entries()) {
      const findings = await trial(rekey, end, `owner-${seed}-${at}`, Math.ceil(size / ENDS.length));
      counts = { ...addUp([counts, findings.counts]), "slowest cut in ms": slowest(counts, findings.counts) };
      violations.push(...findings.violations.map((each) => `${end.how}: ${each}`));
      progress(counts["connections"]!);
      if (violations.length > 0) break;
    }
    return { counts, violations };
  },
};

const slowest = (...counts: readonly Findings["counts"][]): number =>
  Math.max(...counts.map((each) => each["slowest cut in ms"] ?? 0));

async function trial(rekey: Rekey, end: (typeof ENDS)[number], owner: string, connections: number): Promise<Findings> {
  const [ending, sibling, stranger] = await Promise.all([
    holderOf(rekey, owner),
    holderOf(rekey, owner),
    holderOf(rekey, `${owner}-other`),
  ]);
  const open = (holder: Holder, count: number) =>
    Promise.all(Array.from({ length: count }, (_, at) => connect(rekey.urls[at % 2]!, holder, at % 3 !== 0)));
  const doomed = [
    ...(await open(ending, end.owner ? Math.ceil(connections / 2) : connections)),
    ...(end.owner ? await open(sibling, Math.floor(connections / 2)) : []),
  ];
  const others = [...(end.owner ? [] : await open(sibling, BYSTANDERS)), ...(await open(stranger, BYSTANDERS))];

  const called = Date.now();
  await control(rekey, end.path(ending));
  const answered = Date.now();
  const patience = new Promise<null>((resolve) => void setTimeout(resolve, 5 * SOON_MS, null));
  const ends = await Promise.all(doomed.map(({ ended }) => Promise.race([ended, patience])));
  const late = ends.filter((at) => at === null || at - answered >= SOON_MS).length;
  const early = ends.filter((at) => at !== null && at < called).length;
  const alive = await Promise.all(others.map((each) => each.isAlive()));
  const dead = alive.filter((each) => !each).length;
  for (const { leave } of [...doomed, ...others]) leave();
  return {
    counts: {
      connections: doomed.length,
      "connections of other keys": others.length,
      "slowest cut in ms": Math.max(...ends.map((at) => (at ?? Infinity) - answered)),
    },
    violations: [
      ...(late > 0 ? [`${late} of ${doomed.length} connections were not cut within ${SOON_MS} ms`] : []),
      ...(early > 0 ? [`${early} of ${doomed.length} connections were cut before anybody asked`] : []),
      ...(dead > 0 ? [`${dead} of ${others.length} connections of other keys were cut`] : []),
    ],
  };
}

const holderOf = async (rekey: Rekey, owner: string): Promise<Holder> => ({
  owner,
  ...(await issue(rekey, { owner })),
});

/** A stream or a WebSocket that is open. */
type Connection = {
  /** When it ended, in epoch milliseconds. */
  readonly ended: Promise<number>;
  readonly isAlive: () => Promise<boolean>;
  readonly leave: () => void;
};

const connect = (door: string, { key }: Holder, isStream: boolean): Promise<Connection> =>
  isStream ? openStream(door, key) : openSocket(door, key);

async function openStream(door: string, key: string): Promise<Connection> {
  const { status, ended, leave } = await openRawStream({ rekey: { url: door } }, key, "/events");
  if (status !== 200) throw new Error(`a stream was answered ${status}`);
  let isOver = false;
  void ended.then(() => (isOver = true));
  return { ended: ended.then(({ at }) => at), isAlive: async () => !isOver, leave };
}

async function openSocket(door: string, key: string): Promise<Connection> {
  const socket = new WebSocket(`${door.replace("http", "ws")}/live`, [], {
    headers: { authorization: `Bearer ${key}` },
  });
  await once(socket, "open");
  const ended = once(socket, "close").then(() => Date.now());
  const isAlive = async () => {
    if (socket.readyState !== WebSocket.OPEN) return false;
    const echoed = once(socket, "message").then(() => true);
    socket.send("still there?");
    return Promise.race([echoed, ended.then(() => false)]);
  };
  return { ended, isAlive, leave: () => socket.terminate() };
}
