/**
 * An origin's answer with this body, which is passed on byte for byte: what is encoded came encoded, and the runtime
 * must not do it again.
 */
export const withBody = (body: BodyInit | null, { status, statusText, headers }: Response): Response =>
  new Response(body, {
    status,
    statusText,
    headers,
    ...(headers.has("content-encoding") && { encodeBody: "manual" as const }),
  });
