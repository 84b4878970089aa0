/** All header names and values together, in UTF-16 code units. What origins allow is often less, seldom much more. */
export const MAX_HEADER_LENGTH = 32 * 1024;

export type FramingFault = { readonly code: "header-too-large" | "invalid-request"; readonly detail: string };

/**
 * What is wrong with the frame of a request: headers beyond the bound, or more than one opinion on where its body
 * ends (RFC 9112 section 6.3), which is how requests are smuggled. The runtime refuses most of the latter before they
 * come here, and writes the frame of the forwarded request itself.
 */
export function faultOfFraming(headers: Headers): FramingFault | null {
  let length = 0;
  headers.forEach((value, name) => {
    length += name.length + value.length;
  });
  if (length > MAX_HEADER_LENGTH) {
    return { code: "header-too-large", detail: `all headers together may have ${MAX_HEADER_LENGTH} characters` };
  }
  const contentLength = headers.get("content-length");
  if (contentLength === null) return null;
  if (headers.has("transfer-encoding")) return unclear("Content-Length and Transfer-Encoding exclude each other");
  return isLength(contentLength) ? null : unclear("Content-Length is not one number");
}

const isLength = (value: string): boolean => /^[0-9]+$/.test(value) && Number.isSafeInteger(Number(value));

const unclear = (detail: string): FramingFault => ({ code: "invalid-request", detail });
