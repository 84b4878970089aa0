import { apiKey } from "@better-auth/api-key";
import { redisStorage } from "@better-auth/redis-storage";
import { betterAuth, type Options } from "better-auth";
import { getMigrations } from "better-auth/db/migration";
import { Redis } from "ioredis";
import { Pool } from "pg";
import type { Desk } from "../desk.ts";
import { serve, told } from "./serve.ts";

/**
 * better-auth's API-key plugin behind Fastify, called on the server as its documentation shows. Its rate limit (ten
 * requests a day, if nothing is said) is off, because none is compared here.
 *
 * WAY: `database`; `redis`, where keys live in its secondary storage alone; `redis-and-database`, where the database
 * counts and Redis is read first (`fallbackToDatabase`).
 */
const way = told("WAY");
const storage = way === "database" ? "database" : "secondary-storage";

const options: Options = {
  baseURL: "http://127.0.0.1",
  secret: "a secret of the bench, worth nothing elsewhere",
  database: new Pool({ connectionString: told("DATABASE_URL") }),
  telemetry: { enabled: false },
  logger: { disabled: true },
  emailAndPassword: { enabled: true },
  ...(storage === "secondary-storage" && {
    secondaryStorage: redisStorage({ client: new Redis({ host: "127.0.0.1", port: Number(told("REDIS_PORT")) }) }),
  }),
  plugins: [apiKey({ rateLimit: { enabled: false }, storage, fallbackToDatabase: way === "redis-and-database" })],
};
const auth = betterAuth(options);
await (await getMigrations(options)).runMigrations();
const { user } = await auth.api.signUpEmail({
  body: { email: "bench@bench.invalid", password: "worth nothing elsewhere", name: "bench" },
});

const limits = new Map<string, number>();

const desk: Desk = {
  async create(limit) {
    const { id, key } = await auth.api.createApiKey({ body: { userId: user.id, remaining: limit } });
    limits.set(id, limit);
    return { id, key };
  },
  async revoke(id) {
    await auth.api.updateApiKey({ body: { keyId: id, userId: user.id, enabled: false } });
  },
  async verify(key) {
    const { valid, error, key: found } = await auth.api.verifyApiKey({ body: { key } });
    if (!valid || found === null) return { valid: false, code: error?.code ?? "invalid-key" };
    const limit = limits.get(found.id) ?? 0;
    return { valid: true, keyId: found.id, limit, used: limit - (found.remaining ?? 0) };
  },
};

await serve(desk, Number(told("ANSWER_BYTES")));
