import { createServer } from "node:http";
import { onLoopback, type OnLoopback } from "../../support/on-loopback.ts";

/** The API behind the gateway: tells each caller which version of its key the gateway vouched for. */
export async function startOrigin(): Promise<OnLoopback> {
  const server = createServer((request, response) => {
    const { "rekey-key-version": version, authorization, "x-api-key": other } = request.headers;
    // A credential that arrives here was not taken off.
    const isClean = authorization === undefined && other === undefined;
    response.end(JSON.stringify(isClean ? { version: Number(version) } : { version: "the credential arrived" }));
  });
  return onLoopback(server);
}
