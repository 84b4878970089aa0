import { once } from "node:events";
import { connect, type Socket } from "node:net";
import { setTimeout as pause } from "node:timers/promises";
import { memoryOf } from "../support/memory-of.ts";
import { createKeys } from "./keys.ts";
import { render } from "./request.ts";
import type { Running } from "./workerd.ts";

/** What open streams of events cost, and how soon they end with their key. Each server has done nothing before. */
export type Streams = {
  readonly open: number;
  /** Bytes by which workerd has grown for each; `null` where the system does not tell. */
  readonly floorBytes: number | null;
  readonly gatewayBytes: number | null;
  readonly cut: number;
  /** One for each trial. */
  readonly cuts: readonly Cut[];
};

/** How long the last stream outlived the call that revoked its key, and the answer to it, in milliseconds. */
type Cut = { readonly sinceCallMs: number; readonly sinceAnswerMs: number };

const OPEN = 200;
const CUT = 1_000;
const TRIALS = 3;
/** Sockets that are opened together. */
const AT_ONCE = 50;

export async function measureStreams(
  floor: Running,
  rekey: Running,
  progress: (line: string) => void,
): Promise<Streams> {
  progress(`${OPEN} open streams`);
  const floorBytes = await memoryOfEach(floor, "/forward/events", "nobody");
  const gatewayBytes = await memoryOfEach(rekey, "/events", await aKey(rekey));
  const cuts: Cut[] = [];
  for (let trial = 1; trial <= TRIALS; trial++) {
    progress(`${CUT} streams to be cut, ${trial}/${TRIALS}`);
    cuts.push(await cutTrial(rekey));
  }
  return { open: OPEN, floorBytes, gatewayBytes, cut: CUT, cuts };
}

async function aKey({ port }: Running): Promise<string> {
  const [key] = await createKeys(port, 1);
  return key!;
}

/** By how much the server grows for each open stream, in bytes. As many were open before: what is kept for reuse is there. */
async function memoryOfEach(server: Running, path: string, key: string): Promise<number | null> {
  const [pid] = server.pids;
  if (pid === undefined) return null;
  await closed(await openAll(server, path, key, OPEN));
  const before = memoryOf(pid);
  const streams = await openAll(server, path, key, OPEN);
  // Whoever is attached late is attached by now.
  await pause(500);
  const grown = memoryOf(pid) - before;
  await closed(streams);
  return grown / OPEN;
}

async function cutTrial(rekey: Running): Promise<Cut> {
  const key = await aKey(rekey);
  const streams = await openAll(rekey, "/events", key, CUT);
  const ended = Promise.all(streams.map((stream) => once(stream, "close")));
  const called = performance.now();
  const revoked = await fetch(`http://127.0.0.1:${rekey.port}/_rekey/v1/self/revoke`, {
    method: "POST",
    headers: { authorization: `Bearer ${key}` },
  });
  const answered = performance.now();
  if (!revoked.ok) throw new Error(`the key was not revoked: ${revoked.status}`);
  await ended;
  const over = performance.now();
  return { sinceCallMs: over - called, sinceAnswerMs: over - answered };
}

async function openAll(server: Running, path: string, key: string, count: number): Promise<readonly Socket[]> {
  const streams: Socket[] = [];
  while (streams.length < count) {
    const some = Array.from({ length: Math.min(AT_ONCE, count - streams.length) }, () => openOne(server, path, key));
    streams.push(...(await Promise.all(some)));
  }
  return streams;
}

/** A stream whose first event has arrived. */
function openOne({ port }: Running, path: string, key: string): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const socket = connect({ port, host: "127.0.0.1", noDelay: true });
    let text = "";
    socket.on("data", (bytes) => {
      text += bytes.toString("latin1");
      if (text.includes("data: by the stub origin")) resolve(socket);
    });
    socket.once("close", () => reject(new Error(`a stream ended before its first event:\n${text}`)));
    socket.on("error", reject);
    socket.write(render({ method: "GET", path, bearer: key }));
  });
}

async function closed(streams: readonly Socket[]): Promise<void> {
  for (const stream of streams) stream.destroy();
  // The server hears of it a moment later.
  await pause(1_000);
}
