/**
 * Addresses and networks, IPv4 and IPv6 (RFC 4291, RFC 4632). An IPv4 address written as IPv6 (`::ffff:192.0.2.1`)
 * is the IPv4 address it maps. Zone identifiers (`%eth0`) and leading zeros in IPv4 are refused: what two parsers can
 * read in two ways must not decide who comes in.
 */
export type Address = { readonly family: 4 | 6; readonly value: bigint };
export type Network = Address & { readonly prefixLength: number };

/** Reads one address, or `null` if the text is none. */
export function parseAddress(text: string): Address | null {
  if (!text.includes(":")) {
    const value = parseIpv4(text);
    return value === null ? null : { family: 4, value };
  }
  const value = parseIpv6(text);
  if (value === null) return null;
  return value >> 32n === 0xffffn ? { family: 4, value: value & 0xffffffffn } : { family: 6, value };
}

/** Reads an address or a CIDR block, or `null`. Bits behind the prefix must be zero: `10.0.0.1/8` is a mistake. */
export function parseNetwork(text: string): Network | null {
  const [addressText, lengthText, ...rest] = text.split("/");
  if (addressText === undefined || rest.length > 0) return null;
  const address = parseAddress(addressText);
  if (address === null) return null;
  const width = widthOf(address);
  if (lengthText === undefined) return { ...address, prefixLength: width };
  if (!/^(?:0|[1-9][0-9]{0,2})$/.test(lengthText)) return null;
  const written = Number(lengthText);
  // `::ffff:10.0.0.0/104` names the IPv4 network 10.0.0.0/8.
  const prefixLength = address.family === 4 && addressText.includes(":") ? written - 96 : written;
  if (prefixLength < 0 || prefixLength > width) return null;
  const hostBits = (1n << BigInt(width - prefixLength)) - 1n;
  return (address.value & hostBits) === 0n ? { ...address, prefixLength } : null;
}

/** Whether the address lies in the network. Families never mix. */
export function contains(network: Network, address: Address): boolean {
  if (network.family !== address.family) return false;
  const shift = BigInt(widthOf(network) - network.prefixLength);
  return network.value >> shift === address.value >> shift;
}

/** Whether the text is an address inside one of the networks. Whatever cannot be read is outside. */
export function isAllowedIp(ip: string | null, allowed: readonly string[] | null): boolean {
  if (allowed === null) return true;
  const address = ip === null ? null : parseAddress(ip);
  if (address === null) return false;
  return allowed.some((text) => {
    const network = parseNetwork(text);
    return network !== null && contains(network, address);
  });
}

const widthOf = ({ family }: Address): number => (family === 4 ? 32 : 128);

function parseIpv4(text: string): bigint | null {
  const parts = text.split(".");
  if (parts.length !== 4 || !parts.every((part) => /^(?:0|[1-9][0-9]{0,2})$/.test(part) && Number(part) <= 255)) {
    return null;
  }
  return parts.reduce((value, part) => (value << 8n) | BigInt(part), 0n);
}

function parseIpv6(text: string): bigint | null {
  const halves = text.split("::");
  if (halves.length > 2) return null;
  const head = parseGroups(halves[0]!, halves.length === 1);
  const tail = halves.length === 2 ? parseGroups(halves[1]!, true) : [];
  if (head === null || tail === null) return null;
  const missing = 8 - head.length - tail.length;
  // `::` stands for at least one group of zeros (RFC 4291 section 2.2).
  if (halves.length === 2 ? missing < 1 : missing !== 0) return null;
  return [...head, ...Array<bigint>(missing).fill(0n), ...tail].reduce((value, group) => (value << 16n) | group, 0n);
}

function parseGroups(text: string, mayEndInIpv4: boolean): bigint[] | null {
  if (text === "") return [];
  const groups: bigint[] = [];
  const parts = text.split(":");
  for (const [at, part] of parts.entries()) {
    if (mayEndInIpv4 && at === parts.length - 1 && part.includes(".")) {
      const value = parseIpv4(part);
      if (value === null) return null;
      groups.push(value >> 16n, value & 0xffffn);
    } else {
      if (!/^[0-9A-Fa-f]{1,4}$/.test(part)) return null;
      groups.push(BigInt(`0x${part}`));
    }
  }
  return groups;
}
