import { start, type Artefact, type Running } from "../workerd.ts";
import { peerOf, type Contender } from "./contender.ts";
import { serveNode, type Program } from "./program.ts";
import { databaseUrl, postgresServer, redisServer, startPostgres, startRedis } from "./stores.ts";

/** Who takes part, and who could not. */
export type Roster = { readonly peers: readonly Contender[]; readonly missing: readonly string[] };

type Stop = () => Promise<void> | void;
type Env = Readonly<Record<string, string>>;

const NO_LIMITS = "no pace limits, no reservations, no events, no rotation with memory of retired secrets";
const ONE_PLACE = "answers from one place in the world";

/** Starts every peer whose store is installed. `answerBytes`: how long Rekey's answer is, which theirs then are too. */
export async function startPeers(
  worker: Artefact,
  answerBytes: number,
  stops: Stop[],
  progress: (line: string) => void,
): Promise<Roster> {
  const missing: string[] = [];
  const keep = <T extends { readonly stop: Stop }>(program: T): T => {
    stops.push(program.stop);
    return program;
  };
  const node = async (file: string, env: Env, store: readonly Program[]) => {
    const server = keep(await serveNode(file, { ...env, ANSWER_BYTES: String(answerBytes) }));
    return { port: server.port, pids: [server, ...store].flatMap(({ pids }) => pids) };
  };
  const peers: Contender[] = [];
  const add = (peer: Parameters<typeof peerOf>[0]) => {
    peers.push(peerOf(peer));
    progress(`started ${peer.name}`);
  };

  const redisPath = redisServer();
  const postgresPath = postgresServer();
  if (redisPath === null) missing.push("Redis is not installed (apt-get install redis-server)");
  if (postgresPath === null) missing.push("PostgreSQL is not installed (apt-get install postgresql)");

  const relaxed = redisPath === null ? null : keep(await startRedis(redisPath, "everysec"));
  if (redisPath !== null && relaxed !== null) {
    const strict = keep(await startRedis(redisPath, "always"));
    add({
      id: "redis-always",
      name: "Fastify + Redis script, fsync always",
      server: await node("redis.ts", { REDIS_PORT: String(strict.port) }, [strict]),
      target: null,
      without: `${ONE_PLACE}; a failover may lose what the replica had not got yet; ${NO_LIMITS}`,
    });
    add({
      id: "redis-everysec",
      name: "Fastify + Redis script, fsync every second",
      server: await node("redis.ts", { REDIS_PORT: String(relaxed.port) }, [relaxed]),
      target: null,
      without: `may forget the last second, a revoke among it, in a crash; otherwise as with fsync always`,
    });
  }

  const postgres =
    postgresPath && keep(await startPostgres(postgresPath, ["plain", "auth_database", "auth_redis", "auth_both"]));
  if (postgres) {
    for (const [way, name, target] of [
      ["locked", "Fastify + PostgreSQL, SELECT … FOR UPDATE", 1.5],
      ["guarded", "Fastify + PostgreSQL, one guarded UPDATE", null],
    ] as const) {
      const env = { DATABASE_URL: databaseUrl(postgres, "plain"), WAY: way };
      const server = await node("postgres.ts", env, [postgres]);
      add({ id: `postgres-${way}`, name, server, target, without: `${ONE_PLACE}; ${NO_LIMITS}` });
    }
    add({
      id: "better-auth-postgres",
      name: "better-auth on PostgreSQL",
      server: await node("better-auth.ts", { DATABASE_URL: databaseUrl(postgres, "auth_database"), WAY: "database" }, [
        postgres,
      ]),
      target: 3,
      without: `${ONE_PLACE}; it deletes a key whose quota is spent, and admissions that are under way then end as refusals, though their unit is spent; no rotation, no reservations, no events`,
    });
  }
  if (postgres && relaxed) {
    for (const [way, database, name, without] of [
      [
        "redis",
        "auth_redis",
        "better-auth with Redis as its store",
        "its source says that a quota is not enforced atomically in this mode and names the other one for that",
      ],
      [
        "redis-and-database",
        "auth_both",
        "better-auth with Redis, counting in PostgreSQL",
        "the strict mode with Redis (`fallbackToDatabase`); no rotation, no reservations, no events",
      ],
    ] as const) {
      const env = { DATABASE_URL: databaseUrl(postgres, database), REDIS_PORT: String(relaxed.port), WAY: way };
      const server = await node("better-auth.ts", env, [postgres, relaxed]);
      add({ id: `better-auth-${way}`, name, server, target: null, without });
    }
  }

  for (const [seconds, name, without] of [
    [
      0,
      "Worker, KV + D1",
      "local KV shows a write at once: in production other places may read the old value for 60 s or more",
    ],
    [60, "Worker, KV + D1, isolate cache of 60 s", "each isolate goes on for up to 60 s with what it has read"],
  ] as const) {
    const running = keep(await startWorker(worker, seconds, answerBytes));
    add({ id: `kv-d1-${seconds}`, name, server: running, target: seconds === 0 ? 3 : null, without });
  }
  return { peers, missing };
}

async function startWorker(artefact: Artefact, cacheSeconds: number, answerBytes: number): Promise<Running> {
  const running = await start({
    name: `kv-d1-${cacheSeconds}`,
    artefact,
    env: {
      KV: { type: "kv", id: "keys" },
      DB: { type: "d1", id: "uses" },
      CACHE_SECONDS: { type: "json", value: cacheSeconds },
      ANSWER_BYTES: { type: "json", value: answerBytes },
    },
  });
  const db = await running.d1("DB");
  await db.exec(
    "CREATE TABLE uses (id TEXT PRIMARY KEY, digest TEXT NOT NULL, used INTEGER NOT NULL) STRICT, WITHOUT ROWID",
  );
  return running;
}
