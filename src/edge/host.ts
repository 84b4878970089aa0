/**
 * Whether a Host header is one host and nothing else. The runtime makes the request's URL by writing the target behind
 * it, so a `/`, `?` or `@` in it would move the path: `Host: x/_rekey` must not turn `/v1` into `/_rekey/v1`.
 */
export const isPlainHost = (host: string): boolean => HOST.test(host);

const HOST = /^(?:[A-Za-z0-9._-]+|\[[0-9A-Fa-f:.]+\])(?::[0-9]{1,5})?$/;
