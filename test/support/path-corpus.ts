/**
 * Ways to write a path: every fragment that servers are known to read differently, in every position of a path, and
 * beside each other. Generated, so that no combination is left out because nobody thought of it.
 */
const FRAGMENTS = ["", "\\", "caf\xc3\xa9"].concat(
  ". .. ... %2e %2E %2e%2e .%2e %2e. %252e %252e%252e".split(" "),
  "%2f %2F %252f %5c %5C %255c %c0%af %e0%80%af".split(" "),
  "; ;x=1 %3b ..; .; %00 %01 %0a %0d%0a %09 %7f %20 + %2b".split(" "),
  "%61 %41 %7e ~ %7E %2d %5f %30 a%20b caf%c3%a9 caf%C3%A9".split(" "),
  "%ff %c3 %c3%28 %ed%a0%80 %f4%90%80%80 % %a %zz %u0061 %% %25 %2525".split(" "),
  `: @ a:b a@b ! $ & ' ( ) * , = [ ] { } | ^ " < > \``.split(" "),
);

/** Each as a raw request target's path; characters are bytes (Latin-1). */
export const PATHS: readonly string[] = [
  ...new Set(
    FRAGMENTS.flatMap((fragment) => [
      `/${fragment}`,
      `/${fragment}/b`,
      `/a/${fragment}/b`,
      `/a/${fragment}`,
      `/a${fragment}b`,
    ]).filter((path) => path.startsWith("/")),
  ),
];
