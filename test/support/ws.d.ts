/** As much of `ws` as the tests use. */
declare module "ws" {
  import type { EventEmitter } from "node:events";
  import type { IncomingMessage, Server } from "node:http";

  export class WebSocket extends EventEmitter {
    constructor(
      url: string,
      protocols?: readonly string[],
      options?: {
        headers?: Record<string, string>;
        perMessageDeflate?: boolean;
      },
    );
    static readonly OPEN: number;
    readonly readyState: number;
    readonly protocol: string;
    readonly extensions: string;
    send(data: string | Uint8Array): void;
    close(code?: number, reason?: string): void;
    terminate(): void;
    pause(): void;
  }

  export class WebSocketServer extends EventEmitter {
    constructor(options: {
      server: Server;
      handleProtocols?: (protocols: Set<string>) => string | false;
      perMessageDeflate?: boolean;
    });
    readonly clients: Set<WebSocket>;
    on(event: "connection", listener: (socket: WebSocket, request: IncomingMessage) => void): this;
    close(): void;
  }
}
