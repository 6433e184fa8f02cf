import { formatEndpoint, ipv4Of, parseEndpoint } from "../../base/ip.ts";
import { safe } from "../../base/safe.ts";
import type { MemberView, OwnerView, PathKind, TransportKind } from "../../ipc/mod.ts";

/** The words of the Linux client for a path. */
export const PATH_WORDS: Readonly<Record<PathKind, string>> = {
  direct: "direct",
  relay: "via relay",
  server: "via server",
};

/** The two words the Linux client knows for a transport: TLS runs on TCP. */
export const TRANSPORT_WORDS: Readonly<Record<TransportKind, string>> = { udp: "UDP", tcp: "TCP", tls: "TCP" };

/** A nickname as it is shown; who has set none is anonymous. */
export function shownNick(nick: string): string {
  const shown = safe(nick).trim();
  return shown === "" ? "anonymous" : shown;
}

/** `nick (ddd-ddd-ddd)`, or `This computer`. */
export function shownOwner(owner: OwnerView): string {
  return owner.isSelf ? "This computer" : `${shownNick(owner.nick)} (${owner.id})`;
}

/** Both addresses; with an alias the IPv4 one only, for an alias has no IPv6 twin. */
export function shownAddresses(member: MemberView): string {
  return member.alias === null ? `${member.address4}   ${member.address6}` : member.address4;
}

/** `a.b.c.d:port`, or nothing: where the Linux client's output is expected, an IPv6 endpoint has no place. */
export function shownEndpoint4(endpoint: string | null): string {
  const parsed = endpoint === null ? null : parseEndpoint(endpoint);
  return parsed === null || ipv4Of(parsed) === null ? "" : formatEndpoint(parsed);
}

/** What stands behind a member: letters and single blanks, so that it cannot be taken for an address. */
export function shownMessage(message: string | null): string {
  return (message ?? "").replace(/[^a-zA-Z]+/g, " ").trim();
}

/** `direct UDP 1.2.3.4:5`, with IPv6 endpoints; null without a tunnel. */
export function shownPath(hop: Pick<MemberView, "path" | "transport" | "endpoint">): string | null {
  if (hop.path === null) return null;
  const transport = hop.transport === null ? "" : ` ${TRANSPORT_WORDS[hop.transport]}`;
  return `${PATH_WORDS[hop.path]}${transport}${hop.endpoint === null ? "" : ` ${safe(hop.endpoint)}`}`;
}

/** `2026-01-31 12:00 UTC`. `ms`: since 1970. */
export function shownTime(ms: number): string {
  return `${new Date(Math.min(ms, MAX_DATE_MS)).toISOString().slice(0, 16).replace("T", " ")} UTC`;
}

/** The year 9999 ends. */
const MAX_DATE_MS = 253_402_300_799_999;

/** `12.3 ms`, null when unknown. */
export function shownRtt(rttMs: number | null): string | null {
  return rttMs === null ? null : `${rttMs.toFixed(rttMs < 10 ? 2 : 1)} ms`;
}
