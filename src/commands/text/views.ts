import type { EngineStatus, NetworkView, PeerView, PingReply } from "../../ipc/mod.ts";
import { renderFields } from "./fields.ts";
import { shownAddresses, shownMessage, shownNick, shownOwner, shownPath, shownRtt } from "./members.ts";

const NETWORK_TYPES: Readonly<Record<NetworkView["type"], string>> = {
  mesh: "Mesh",
  "hub-and-spoke": "Hub-and-spoke",
  gateway: "Gateway",
};

/** The engine's state. */
export function renderStatus(status: EngineStatus): string[] {
  const addresses = status.address4 === null ? null : `${status.address4}   ${status.address6 ?? ""}`.trimEnd();
  return renderFields([
    ["version", status.version],
    ["pid", String(status.pid)],
    ["status", status.status],
    ["client id", status.id],
    ["address", addresses],
    ["nickname", status.nick],
    ["lmi account", status.account ?? "-"],
    ["server", status.server],
    ["device", status.device],
    ["problem", status.problem],
  ]);
}

/** One peer. */
export function renderPeer(peer: PeerView): string[] {
  return renderFields([
    ["client id", peer.id],
    ["nickname", shownNick(peer.nick)],
    ["address", shownAddresses(peer)],
    ["alias", peer.alias ?? "not set"],
    ["status", peer.status],
    ["connection", shownPath(peer)],
    ["round trip", shownRtt(peer.rttMs)],
    ["suite", peer.suite === null ? null : String(peer.suite)],
    ["encryption", shownEncryption(peer)],
    ["traffic", `${shownBytes(peer.bytesIn)} in, ${shownBytes(peer.bytesOut)} out`],
    ["networks", peer.networks.join(", ")],
    ["message", shownMessage(peer.message)],
  ]);
}

/** Nothing where it is as it always is. */
function shownEncryption({ encrypted, plainWanted }: PeerView): string | null {
  if (encrypted === false) return "none, both ends agree";
  return plainWanted ? "on until the peer and all owners agree to none" : null;
}

/** One network, without its members. */
export function renderNetwork(network: NetworkView): string[] {
  return renderFields([
    ["id", network.id],
    ["name", network.name],
    ["type", NETWORK_TYPES[network.type]],
    ["owner", shownOwner(network.owner)],
    ["status", network.status],
    ["approve", network.approve],
    ["encryption", network.plainTunnels ? "off where both ends agree" : null],
    ["capacity", `${network.memberCount}/${network.capacity}`],
    ["subscription", network.subscription],
    ["privileges", network.owner.isSelf ? null : network.privileges.join(", ")],
    ["problem", network.problem],
  ]);
}

/** One ping, answered or lost. `peer` is what was typed. */
export function renderPing(peer: string, reply: PingReply): string {
  const rtt = shownRtt(reply.rttMs);
  if (rtt === null) return `no answer from ${peer}: seq=${reply.sequence}`;
  const path = shownPath(reply);
  return `answer from ${peer}: seq=${reply.sequence} time=${rtt}${path === null ? "" : ` ${path}`}`;
}

/** The last line of a run of pings. `rtts` are those that were answered, in milliseconds. */
export function renderPingSummary(sent: number, rtts: readonly number[]): string {
  const start = `${sent} sent, ${rtts.length} answered`;
  if (rtts.length === 0) return start;
  const mean = rtts.reduce((sum, rtt) => sum + rtt, 0) / rtts.length;
  const [least, average, most] = [Math.min(...rtts), mean, Math.max(...rtts)].map(shownRtt);
  return `${start}, round trip least ${least}, mean ${average}, most ${most}`;
}

const UNITS = ["B", "KiB", "MiB", "GiB", "TiB"] as const;

/** `1.5 MiB`. */
export function shownBytes(bytes: number): string {
  const power = Math.min(UNITS.length - 1, Math.floor(Math.log2(Math.max(1, bytes)) / 10));
  const value = bytes / 1024 ** power;
  return `${power === 0 ? value : value.toFixed(1)} ${UNITS[power]}`;
}
