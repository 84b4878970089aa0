import { createServer } from "node:http";
import type { AddressInfo } from "node:net";

/** The API behind the gateway: tells each caller which version of its key the gateway vouched for. */
export async function startOrigin(): Promise<AsyncDisposable & { readonly url: string }> {
  const server = createServer((request, response) => {
    const { "rekey-key-version": version, authorization, "x-api-key": other } = request.headers;
    // A credential that arrives here was not taken off.
    const isClean = authorization === undefined && other === undefined;
    response.end(JSON.stringify(isClean ? { version: Number(version) } : { version: "the credential arrived" }));
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
