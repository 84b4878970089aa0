import type { EpochMs } from "./time.ts";

/** How many addresses are remembered for each key. */
const MAX_CLIENTS = 64;

/** From where a key was used lately, so that whoever is called at night can see who has it. */
export type Client = {
  readonly ip: string;
  /** ISO 3166-1 alpha-2, as Cloudflare knows it; `null` where nobody does. */
  readonly country: string | null;
  readonly firstSeenAt: EpochMs;
  readonly lastSeenAt: EpochMs;
  /** Admissions since it was first seen. */
  readonly count: number;
};

/** The clients of one key by address, the one seen longest ago first. */
export type Clients = ReadonlyMap<string, Client>;

/** Notes an admission, in place: it happens with each one. Whoever was seen longest ago makes room. */
export function noteClient(clients: Map<string, Client>, ip: string, country: string | null, now: EpochMs): void {
  const known = clients.get(ip);
  clients.delete(ip);
  clients.set(ip, {
    ip,
    country: country ?? known?.country ?? null,
    firstSeenAt: known?.firstSeenAt ?? now,
    lastSeenAt: now,
    count: (known?.count ?? 0) + 1,
  });
  if (clients.size > MAX_CLIENTS) clients.delete(clients.keys().next().value!);
}
