/** Whether a request wants to become a WebSocket (RFC 6455 section 4.1). */
export const isWebSocket = (headers: Headers): boolean => /\bwebsocket\b/i.test(headers.get("upgrade") ?? "");
