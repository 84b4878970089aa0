import { contains, parseAddress, parseNetwork, type Address } from "../key/ip.ts";

/** Why a URL is no target. Reads on from the name of the field. */
export type TargetReading =
  | { readonly ok: true; readonly url: URL; readonly lookUp: string | null }
  | { readonly ok: false; readonly message: string };

/**
 * Reads where messages are to be sent. Only the public internet: an endpoint must not become a way to have a request
 * made inside somebody's network.
 *
 * `lookUp` is the name whose addresses have to be public too; `null` where the URL holds an address. The notations of
 * an IPv4 address that old resolvers understand (`0x7f.1`, `2130706433`, `017700000001`) need no rule of their own:
 * the URL standard turns them into four decimal numbers before we look.
 *
 * @param toLoopback whether this machine itself is a target, over plain http too. For trying things out locally.
 * @param ownHosts names of the origin and of the deployment itself (`hostNameOf`): a request to one of them from within
 * their zone goes around the gateway.
 */
export function readTarget(text: string, toLoopback: boolean, ownHosts: readonly string[]): TargetReading {
  const url = URL.parse(text);
  if (url === null) return refused("is not a URL");
  if (url.username !== "" || url.password !== "") return refused("must not hold credentials");
  if (url.hash !== "") return refused("must not have a fragment");
  if (isHttp(url) && !PLAIN.test(text)) return refused("must be written plainly, like https://example.com/path");
  const host = hostNameOf(url);
  const address = addressIn(host);
  if (toLoopback && isLoopback(host, address) && isHttp(url)) return { ok: true, url, lookUp: null };
  if (url.protocol !== "https:") return refused("must be https");
  if (ownHosts.includes(host)) return refused("must not lead to the origin or to this deployment itself");
  if (address !== null) return isPublic(address) ? { ok: true, url, lookUp: null } : refused(NOT_PUBLIC);
  return isPublicName(host) ? { ok: true, url, lookUp: host } : refused(NOT_PUBLIC);
}

/** The name of a URL's host in its one spelling: lower case, punycode, no port, no dot at its end. */
export const hostNameOf = ({ hostname }: URL): string => hostname.replace(/\.$/, "").toLowerCase();

const refused = (message: string): TargetReading => ({ ok: false, message });

const isHttp = ({ protocol }: URL): boolean => protocol === "https:" || protocol === "http:";

/**
 * What every reader of URLs reads alike. The URL standard forgives spaces, backslashes and any number of slashes; whoever
 * looks through a list of webhooks would read `https://a.example\@b.example/` as leading to b, and it leads to a.
 */
const PLAIN = /^https?:\/\/[^\s\\/][^\s\\]*$/i;

export const NOT_PUBLIC = "must lead to a public address";

const addressIn = (host: string): Address | null => parseAddress(host.replace(/^\[(.*)\]$/, "$1"));

const LOOPBACK = ["127.0.0.0/8", "::1"];

const isLoopback = (host: string, address: Address | null): boolean =>
  host === "localhost" || (address !== null && isIn(LOOPBACK, address));

/** Names that no public resolver should know: of one label, or under a top-level domain for private use. */
const isPublicName = (host: string): boolean =>
  host.includes(".") && !/(?:^|\.)(?:localhost|local|internal|intranet|lan|home\.arpa|onion|test|invalid)$/.test(host);

/**
 * What lies in 0.0.0.0/0 and is no host of the public internet.
 * Source: IANA IPv4 Special-Purpose Address Registry, and multicast (RFC 5771).
 */
const NOT_PUBLIC_V4 = [
  "0.0.0.0/8", // this network
  "10.0.0.0/8", // private
  "100.64.0.0/10", // behind a carrier's address translation; some clouds' metadata
  "127.0.0.0/8", // loopback
  "169.254.0.0/16", // link-local, and clouds' metadata
  "172.16.0.0/12", // private
  "192.0.0.0/24", // protocol assignments
  "192.0.2.0/24", // documentation
  "192.88.99.0/24", // 6to4 relays, no longer in use
  "192.168.0.0/16", // private
  "198.18.0.0/15", // benchmarks
  "198.51.100.0/24", // documentation
  "203.0.113.0/24", // documentation
  "224.0.0.0/4", // multicast
  "240.0.0.0/4", // reserved, and broadcast
];

/** All that is given out of IPv6 to hosts; loopback, link-local, unique-local and multicast lie outside of it. */
const GLOBAL_V6 = ["2000::/3"];

/** What lies in 2000::/3 all the same and is no host. Source: IANA IPv6 Special-Purpose Address Registry. */
const NOT_PUBLIC_V6 = [
  "2001::/23", // protocol assignments, Teredo with an IPv4 address inside
  "2001:db8::/32", // documentation
  "2002::/16", // 6to4: an IPv4 address inside
  "3fff::/20", // documentation
];

/** Whether an address is a host of the public internet. An IPv4 address written as IPv6 is the IPv4 address. */
export function isPublic(address: Address): boolean {
  if (address.family === 4) return !isIn(NOT_PUBLIC_V4, address);
  return isIn(GLOBAL_V6, address) && !isIn(NOT_PUBLIC_V6, address);
}

/** Networks are read when an address is judged: that is seldom, and a start is not. */
const isIn = (networks: readonly string[], address: Address): boolean =>
  networks.some((text) => contains(parseNetwork(text)!, address));
