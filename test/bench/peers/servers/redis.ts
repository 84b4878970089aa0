import { Redis } from "ioredis";
import { OWNER, type Desk } from "../desk.ts";
import { digestOf, mint } from "./mint.ts";
import { serve, told } from "./serve.ts";

/**
 * Fastify and Redis: one hash per key, and one script that looks, decides and counts. Redis runs nothing beside a
 * script, so the decision is one step.
 */
const VERIFY = `
local key = redis.call("HMGET", KEYS[1], "id", "status", "limit", "used", "expiresAt")
if not key[1] then return {"invalid-key"} end
if key[2] ~= "active" then return {"key-revoked"} end
if key[5] ~= "" and tonumber(key[5]) <= tonumber(ARGV[1]) then return {"key-expired"} end
if tonumber(key[4]) >= tonumber(key[3]) then return {"quota-exceeded"} end
return {"valid", key[1], tonumber(key[3]), redis.call("HINCRBY", KEYS[1], "used", 1)}
`;

type Answer = readonly [code: string, keyId: string, limit: number, used: number];

const redis = new Redis({
  host: "127.0.0.1",
  port: Number(told("REDIS_PORT")),
  scripts: { decide: { numberOfKeys: 1, lua: VERIFY } },
}) as Redis & { decide(key: string, now: number): Promise<Answer> };

const desk: Desk = {
  async create(limit) {
    const { id, key, digest } = mint();
    await redis.hset(`key:${digest}`, { id, owner: OWNER, status: "active", limit, used: 0, expiresAt: "" });
    await redis.set(`id:${id}`, digest);
    return { id, key };
  },
  async revoke(id) {
    await redis.hset(`key:${await redis.get(`id:${id}`)}`, { status: "revoked" });
  },
  async verify(key) {
    const [code, keyId, limit, used] = await redis.decide(`key:${digestOf(key)}`, Date.now());
    return code === "valid" ? { valid: true, keyId, limit, used } : { valid: false, code };
  },
};

await serve(desk, Number(told("ANSWER_BYTES")));
