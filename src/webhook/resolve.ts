import { parseAddress } from "../key/ip.ts";
import { withDeadline } from "./deadline.ts";
import { isPublic } from "./target.ts";

/**
 * Where a name leads. `silent`: nobody could say, so it must be taken for a no, for now. `unresolved`: to no address at
 * all.
 */
export type Resolution = "public" | "not-public" | "unresolved" | "silent";

/** How long a resolver may think, in milliseconds. */
const RESOLVER_TIMEOUT_MS = 3_000;

/** Types of DNS records (RFC 1035, RFC 3596), and codes of answers. */
const A = 1;
const AAAA = 28;
const NO_ERROR = 0;
const NO_SUCH_NAME = 3;

/**
 * Asks a resolver over HTTPS (the JSON form of DNS over HTTPS) whether all addresses of a name are public ones. One
 * that is not is enough: nobody says which of them the connection will take.
 *
 * A Worker can neither look a name up by itself nor choose the address it connects to, so the answer is about now: a
 * name that changes between this question and the connection is not noticed.
 */
export async function resolve(name: string, resolver: URL): Promise<Resolution> {
  const answers = await Promise.all([addressesOf(name, A, resolver), addressesOf(name, AAAA, resolver)]);
  const addresses: string[] = [];
  for (const answer of answers) {
    if (answer === null) return "silent";
    addresses.push(...answer);
  }
  if (addresses.length === 0) return "unresolved";
  const arePublic = addresses.every((text) => {
    const address = parseAddress(text);
    return address !== null && isPublic(address);
  });
  return arePublic ? "public" : "not-public";
}

/** The addresses of one family, or `null` if the resolver did not say. */
async function addressesOf(name: string, type: number, resolver: URL): Promise<readonly string[] | null> {
  const question = new URL(resolver);
  question.searchParams.set("name", name);
  question.searchParams.set("type", String(type));
  try {
    return await withDeadline(RESOLVER_TIMEOUT_MS, async (signal) => {
      const headers = { accept: "application/dns-json" };
      const response = await fetch(question, { headers, redirect: "manual", signal });
      if (response.status === 200) return addressesIn(await response.json(), type);
      await response.body?.cancel();
      return null;
    });
  } catch {
    return null;
  }
}

type Reply = { readonly Status?: unknown; readonly Answer?: unknown };

function addressesIn(reply: unknown, type: number): readonly string[] | null {
  const { Status, Answer = [] } = (reply ?? {}) as Reply;
  if (Status === NO_SUCH_NAME) return [];
  if (Status !== NO_ERROR || !Array.isArray(Answer)) return null;
  // Aliases on the way to the addresses stand among the answers.
  return (Answer as { type?: unknown; data?: unknown }[])
    .filter((each) => each.type === type)
    .map(({ data }) => String(data));
}
