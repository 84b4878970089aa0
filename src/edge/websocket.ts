/** Whether a request wants to become a WebSocket (RFC 6455 section 4.1). */
export const isWebSocket = (headers: Headers): boolean => /\bwebsocket\b/i.test(headers.get("upgrade") ?? "");

/** The origin's yes to a WebSocket, as it is handed to the client; the two then speak to each other. */
export const upgraded = ({ headers, webSocket }: Response): Response =>
  new Response(null, { status: 101, headers, webSocket });
