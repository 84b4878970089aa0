import type { Server } from "node:http";
import type { AddressInfo } from "node:net";

/** A server of this machine's own. When it is let go of, it ends with all the connections that it still has. */
export type OnLoopback = AsyncDisposable & { readonly url: string };

/** Lets a server listen on a free port that nobody else can reach. */
export async function onLoopback(server: Server): Promise<OnLoopback> {
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
