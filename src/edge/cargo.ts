/** What an answer brings to the client: a body, or the client's end of a WebSocket. */
export type Cargo = { readonly body: BodyInit | null; readonly webSocket: WebSocket | null };

/**
 * An origin's answer with what it brings. A body is passed on byte for byte: what is encoded came encoded, and the
 * runtime must not do it again.
 */
export const answerWith = ({ body, webSocket }: Cargo, { status, statusText, headers }: Response): Response =>
  webSocket !== null
    ? new Response(null, { status: 101, headers, webSocket })
    : new Response(body, {
        status,
        statusText,
        headers,
        ...(headers.has("content-encoding") && { encodeBody: "manual" as const }),
      });
