import { ControlError } from "../../ipc/schema.ts";
import { parseIpv4, parseIpv6 } from "../../base/ip.ts";
import { MEMBER_STATUS, MEMBERSHIP } from "../../protocol/mod.ts";
import type { KnownPeer, NetworksView } from "../networks_view.ts";
import { findNetwork, formatClientId } from "../views.ts";

/** A receiver. */
export interface Person {
  /** Client id. */
  clientId: number;
  /** Nickname, "" = none. */
  nick: string;
}

/** Whom a message goes to. */
export interface Target {
  /** 0 = to one peer alone. */
  networkId: number;
  /** Name of the network, "" = none. */
  network: string;
  /** Who is to have it. */
  receivers: Person[];
}

/** Where to look for them. */
export interface TargetPlace {
  /** Networks and members. */
  view: NetworksView;
  /** Members of common networks, by virtual address. */
  peers: ReadonlyMap<number, KnownPeer>;
  /** Own client id. */
  ownId: number;
}

/**
 * Whom `text` names: a peer by client id, address or nickname, or a network.
 *
 * @throws {ControlError} `peerNotFound`, `networkNotFound`, `peerAmbiguous` when it could be two
 */
export function findTarget(text: string, kind: "any" | "peer" | "network", place: TargetPlace): Target {
  const found = kind === "network" ? [] : [...place.peers.values()].filter((peer) => isNamed(peer, text));
  const network = kind === "peer" ? null : networkNamed(text, place);
  if (found.length + (network === null ? 0 : 1) > 1) {
    throw new ControlError("peerAmbiguous", "Name a peer by its client id or its address.");
  }
  if (network !== null) return network;
  const [peer] = found;
  if (peer === undefined) throw new ControlError(kind === "network" ? "networkNotFound" : "peerNotFound");
  const { clientId, nick } = peer.member;
  return { networkId: 0, network: "", receivers: [{ clientId, nick }] };
}

function networkNamed(text: string, { view, ownId }: TargetPlace): Target | null {
  try {
    const { head, members } = findNetwork(view, text);
    if (head.membership !== MEMBERSHIP.member) return null;
    const receivers = [...members.values()].filter(({ clientId, status }) =>
      clientId !== ownId && status !== MEMBER_STATUS.awaitingApproval
    );
    return {
      networkId: head.networkId,
      network: head.name,
      receivers: receivers.map(({ clientId, nick }) => ({ clientId, nick })),
    };
  } catch (error) {
    if (error instanceof ControlError && error.code === "networkNotFound") return null;
    throw error;
  }
}

function isNamed({ member }: KnownPeer, text: string): boolean {
  if (formatClientId(member.clientId) === text || (member.nick === text && text !== "")) return true;
  if (parseIpv4(text) === member.address) return true;
  const address6 = parseIpv6(text);
  return address6 !== null && new DataView(address6.buffer, address6.byteOffset).getUint32(12) === member.address;
}
