/** What servers are known to take for `..`, each a segment. */
const DOTS = [
  "..",
  "%2e%2e",
  "%2E%2E",
  ".%2e",
  "%2E.",
  "..;",
  "..;a=b",
  ";/..",
  "%252e%252e",
  ".%252e",
  "..%00",
  "..%09",
  "%c0%ae%c0%ae",
  "%e0%80%ae%e0%80%ae",
  "%uff0e%uff0e",
  "\uff0e\uff0e",
  ". .",
  "...",
] as const;

/** Ways into `/admin/x` by way of `/public`, and the other way round, where dots take back a step. */
const DETOURS = [
  (dots: string) => `/public/${dots}/admin/x`,
  (dots: string) => `/public/a/${dots}/${dots}/admin/x`,
  (dots: string) => `/public/${dots}//admin/x`,
  (dots: string) => `/public/${dots}%2fadmin%2fx`,
  (dots: string) => `/public/${dots}\\admin\\x`,
  (dots: string) => `/public/./${dots}/admin/x`,
  (dots: string) => `/public/${dots}/admin/x/../x`,
  (dots: string) => `/admin/${dots}/public/x`,
  (dots: string) => `/admin/x/${dots}/${dots}/public/x`,
  (dots: string) => `/admin%2f${dots}%2fpublic/x`,
  (dots: string) => `/admin\\${dots}\\public/x`,
  (dots: string) => `/admin;/${dots}/public/x`,
] as const;

/** Spellings that need no dots. */
const PLAIN = [
  "//admin/x",
  "///admin/x",
  "/./admin/x",
  "/%2e/admin/x",
  "/admin//x",
  "/%61dmin/x",
  "/%41dmin/x",
  "/admin%2fx",
  "/admin%2Fx",
  "/admin%5cx",
  "/admin;a=b/x",
  "/admin/x;a=b",
  "/admin/x%00",
  "/admin/x%20",
  "/admin/x%0a",
  "/admin/x%23",
  "/admin/x#/public",
  "/admin/x?/../../public",
  "/public%2f..%2f..%2fadmin/x",
  "/public%5c..%5cadmin/x",
  "/public;/../admin/x",
  "/public/x/%2e%2e/%2e%2e/admin/x",
  "/public/%2e%2e%2fadmin/x",
  "/public\\..\\admin\\x",
  "\\admin\\x",
  "/public/x#/../../admin/x",
  "/public/../admin/x?a=/public",
  "http://127.0.0.1/admin/x",
  "http://127.0.0.1/public/../admin/x",
  "http:///admin/x",
  "https://public/../admin/x",
  "admin/x",
  "public/../admin/x",
  "*",
] as const;

/**
 * Request targets that some server or framework takes for `/admin/x`, or for `/public/x`, though others do not: as a
 * client could send them, byte by byte.
 */
export const SPELLINGS: readonly string[] = [
  ...new Set([...PLAIN, ...DETOURS.flatMap((detour) => DOTS.map((dots) => detour(dots)))]),
];
