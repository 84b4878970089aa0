import { fastify } from "fastify";
import { answerOf, type Desk } from "../desk.ts";

/** Tells the bench, whose child this process is, where the server listens. */
export type Listening = { readonly port: number };

/** Puts a desk behind Fastify, on a free port of the loopback address. */
export async function serve(desk: Desk, answerBytes: number): Promise<void> {
  const server = fastify();
  server.post("/keys", async ({ body }) => desk.create((body as { limit: number }).limit));
  server.post("/keys/:id/revoke", async ({ params }) => {
    await desk.revoke((params as { id: string }).id);
    return { revoked: true };
  });
  server.post("/verify", async ({ body }, reply) => {
    reply.type("application/json");
    return answerOf(await desk.verify((body as { key: string }).key), answerBytes);
  });
  const address = await server.listen({ host: "127.0.0.1", port: 0 });
  process.send?.({ port: Number(new URL(address).port) } satisfies Listening);
}

/** What the bench has told this process, by name. */
export function told(name: string): string {
  const value = process.env[name];
  if (value === undefined) throw new Error(`${name} is not set`);
  return value;
}
