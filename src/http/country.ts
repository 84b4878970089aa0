/** Where a request came from, as Cloudflare knows it: ISO 3166-1 alpha-2; `null` where nobody does. */
export const countryOf = (request: Request): string | null =>
  (request as Request<unknown, IncomingRequestCfProperties>).cf?.country ?? null;
