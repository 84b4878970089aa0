/** An id for one request: in every answer, in every log line and event it causes, and passed on to the origin. */
export const newRequestId = (): string => `req_${crypto.randomUUID().replaceAll("-", "")}`;
