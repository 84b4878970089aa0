/** Liveness: that this Worker runs and answers. No I/O, no settings, so it also answers while nothing else does. */
export const healthz = (requestId: string): Response =>
  Response.json(
    { status: "ok" },
    { headers: { "cache-control": "no-store", "x-content-type-options": "nosniff", "rekey-request-id": requestId } },
  );
