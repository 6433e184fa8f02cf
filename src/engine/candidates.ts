/**
 * Where this client can be reached, and which of a peer's candidates are worth a datagram: pure.
 *
 * @module
 */
import {
  type Cidr4,
  cidr4Contains,
  type Endpoint,
  endpointKey,
  equalEndpoint,
  ipv4Of,
  mappedIpv4,
  parseCidr4,
  parseIpv4,
  parseIpv6,
} from "../base/ip.ts";
import type { PathKind } from "../nat/mod.ts";
import { type Candidate, CANDIDATE_KIND, MAX_COUNT } from "../protocol/mod.ts";

/** What the addresses of a machine tell about themselves. */
export interface OwnAddress {
  /** Name of the interface. */
  device: string;
  /** `tun`, `bridge` …; `""` for hardware. */
  deviceKind: string;
  /** `192.168.1.5` or RFC 5952. */
  address: string;
  /** Whether it may be used now. */
  isUsable: boolean;
  /** A privacy address that will be gone soon. */
  isTemporary: boolean;
}

/** Addresses of the overlay: never candidates, or a tunnel could run within itself. */
export interface OverlayRanges {
  /** IPv4. */
  pool: Cidr4;
  /** First 12 bytes of the IPv6 ones. */
  prefix6: Uint8Array;
}

/** Most candidates that are told and tried. */
const MAX_CANDIDATES = 16;

/** Bridges of containers and virtual machines have the same addresses everywhere and lead nowhere. */
const PRIVATE_BRIDGE = /^(?:docker|br-|virbr|lxcbr|podman|cni)/;

const UNUSABLE_IPV4: readonly Cidr4[] = ["0.0.0.0/8", "169.254.0.0/16", "224.0.0.0/3"].map((text) => parseCidr4(text)!);
const LOOPBACK_IPV4 = parseCidr4("127.0.0.0/8")!;

/** The candidates of ENDPOINTS: what this machine itself knows, best first. `port`: of the tunnels' socket. */
export function ownCandidates(addresses: readonly OwnAddress[], port: number, overlay: OverlayRanges): Candidate[] {
  const found: Candidate[] = [];
  for (const own of addresses) {
    if (!own.isUsable || own.deviceKind === "tun" || PRIVATE_BRIDGE.test(own.device)) continue;
    const endpoint = endpointOf(own.address, port);
    if (endpoint === null || !isTarget(endpoint, overlay, false)) continue;
    // A unique local address (RFC 4193) is reached from the same site only, like a private IPv4 one.
    const isGlobal6 = ipv4Of(endpoint) === null && (endpoint.address[0]! & 0xfe) !== 0xfc;
    found.push({ kind: isGlobal6 ? CANDIDATE_KIND.ipv6 : CANDIDATE_KIND.local, endpoint });
  }
  return unique(found).slice(0, MAX_CANDIDATES);
}

/**
 * What is left of a peer's candidates: a hostile peer could name anything, so nothing goes to the overlay, to groups, or to
 * this machine itself (unless the server is on it, too).
 */
export function usableCandidates(
  candidates: readonly Candidate[],
  overlay: OverlayRanges,
  allowsLoopback: boolean,
): { kind: PathKind; endpoint: Endpoint }[] {
  return unique(candidates)
    .filter(({ endpoint }) => isTarget(endpoint, overlay, allowsLoopback))
    .slice(0, MAX_CANDIDATES)
    .map(({ kind, endpoint }) => ({ kind: PATH_KINDS[kind] ?? "observed", endpoint }));
}

const PATH_KINDS: Readonly<Record<number, PathKind>> = {
  [CANDIDATE_KIND.local]: "local",
  [CANDIDATE_KIND.ipv6]: "ipv6",
  [CANDIDATE_KIND.observed]: "observed",
  [CANDIDATE_KIND.mapped]: "mapped",
  [CANDIDATE_KIND.predicted]: "predicted",
  [CANDIDATE_KIND.seenByPeer]: "seen",
};

/** Whether an endpoint is on the machine itself, by its loopback address. */
export function isLoopback({ address, port }: Endpoint): boolean {
  const quad = ipv4Of({ address, port });
  return quad === null ? isIpv6Loopback(address) : cidr4Contains(LOOPBACK_IPV4, quad);
}

/** Whether the local end of a connection still has an address of this machine that may be used. */
export function isOwnAddress(local: Endpoint, addresses: readonly OwnAddress[]): boolean {
  return isLoopback(local) || addresses.some((own) => {
    const endpoint = own.isUsable ? endpointOf(own.address, local.port) : null;
    return endpoint !== null && equalEndpoint(endpoint, local);
  });
}

function isTarget(endpoint: Endpoint, { pool, prefix6 }: OverlayRanges, allowsLoopback: boolean): boolean {
  if (endpoint.port === 0 || (isLoopback(endpoint) && !allowsLoopback)) return false;
  const quad = ipv4Of(endpoint);
  if (quad !== null) return !cidr4Contains(pool, quad) && !UNUSABLE_IPV4.some((range) => cidr4Contains(range, quad));
  const { address } = endpoint;
  const isOverlay = prefix6.every((byte, index) => byte === address[index]);
  const isUnspecified = address.every((byte) => byte === 0);
  const isMulticast = address[0] === 0xff;
  const isLinkLocal = address[0] === 0xfe && (address[1]! & 0xc0) === 0x80;
  return !isOverlay && !isUnspecified && !isMulticast && !isLinkLocal;
}

function isIpv6Loopback(address: Uint8Array): boolean {
  return address[15] === 1 && address.subarray(0, 15).every((byte) => byte === 0);
}

function endpointOf(text: string, port: number): Endpoint | null {
  const quad = parseIpv4(text);
  const address = quad === null ? parseIpv6(text) : mappedIpv4(quad);
  return address === null ? null : { address, port };
}

function unique(candidates: readonly Candidate[]): Candidate[] {
  return [
    ...new Map(candidates.slice(0, MAX_COUNT.candidates).map((each) => [endpointKey(each.endpoint), each])).values(),
  ];
}
