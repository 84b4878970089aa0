/** All header names and values together, in UTF-16 code units. What origins allow is often less, seldom much more. */
export const MAX_HEADER_LENGTH = 32 * 1024;

export type FramingFault = { readonly code: "header-too-large" | "invalid-request"; readonly detail: string };

/** The part of a request that is judged here. */
export type Framed = Pick<Request, "method" | "headers"> & { readonly body: unknown };

/**
 * What is wrong with the frame of a request: headers beyond the bound, or a body whose end two servers could see in
 * two places (RFC 9112 section 6.3), which is how requests are smuggled. The runtime refuses most of the latter before
 * they come here, and writes the frame of the forwarded request itself.
 */
export function faultOfFraming({ method, headers, body }: Framed): FramingFault | null {
  let length = 0;
  headers.forEach((value, name) => {
    length += name.length + value.length;
  });
  if (length > MAX_HEADER_LENGTH) {
    return { code: "header-too-large", detail: `All headers together may have ${MAX_HEADER_LENGTH} characters.` };
  }
  const contentLength = headers.get("content-length");
  const transferEncoding = headers.get("transfer-encoding");
  if (transferEncoding !== null) {
    if (contentLength !== null) return unclear("Content-Length and Transfer-Encoding exclude each other.");
    if (transferEncoding.toLowerCase() !== "chunked") return unclear("The only transfer coding is chunked.");
  }
  // The runtime would forward such a request without its body. With a length it passes.
  if (body !== null && contentLength === null && (method === "GET" || method === "HEAD")) {
    return unclear(`A ${method} with a body needs a Content-Length.`);
  }
  return contentLength === null || isLength(contentLength) ? null : unclear("Content-Length is not one number.");
}

const isLength = (value: string): boolean => /^[0-9]+$/.test(value) && Number.isSafeInteger(Number(value));

const unclear = (detail: string): FramingFault => ({ code: "invalid-request", detail });
