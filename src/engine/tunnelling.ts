import type { DataPlane, Overlay } from "../dataplane/types.ts";
import { CAPABILITY } from "../protocol/mod.ts";
import { type ClientIdentity, PeerExchanges } from "../session/mod.ts";
import { Peers, type PeersOptions, type PeersServer } from "./peers.ts";
import { Tunnels, type TunnelsOptions } from "./tunnels.ts";

/** What tunnels at one server are made of. */
export interface TunnellingOptions
  extends
    Omit<TunnelsOptions, "exchanges" | "listener">,
    Pick<PeersOptions, "pins" | "savePins" | "plainPeers" | "networkSecrets" | "onPath">,
    PeersServer {
  /** Who we are, and which addresses are virtual. */
  overlay: Overlay;
  /** Moves the packets. */
  dataPlane: DataPlane;
  /** Keys of this client. */
  keys: Pick<ClientIdentity, "ed25519" | "rsa">;
  /** The one suite in use. */
  suite: 1 | 2;
}

/** Everything about peers and tunnels at one server. */
export interface Tunnelling {
  /** Who has which tunnel. */
  peers: Peers;
  /** The tunnels by SPI. */
  tunnels: Tunnels;
  /** As given. */
  overlay: Overlay;
}

/** Puts peers, tunnels and exchanges together. `peers.stop()` ends all of it. */
export function startTunnelling(options: TunnellingOptions): Tunnelling {
  const { overlay, dataPlane, keys, suite, random, clock } = options;
  dataPlane.setOverlay(overlay);
  // The two refer to each other: tunnels report to the peers, which make and end them.
  const tunnels: Tunnels = new Tunnels({
    ...options,
    exchanges: new PeerExchanges(random, clock.now()),
    listener: {
      onEstablished: (localSpi, isRekey) => peers.onEstablished(localSpi, isRekey),
      onExchangeFailed: (localSpi, reason) => peers.onExchangeFailed(localSpi, reason),
      onClosedByPeer: (localSpi, reason) => peers.onClosedByPeer(localSpi, reason),
      onPathChanged: (localSpi, hasPath) => peers.onPathChanged(localSpi, hasPath),
    },
  });
  const peers: Peers = new Peers({
    ...options,
    tunnels,
    server: options,
    local: {
      ...keys,
      address: overlay.virtualAddress,
      suites: [suite],
      offers: dataPlane.aeadCosts.map(({ aead, costNs }) => ({ aead, costNs })),
      capabilities: CAPABILITY.partialChecksums,
    },
  });
  return { peers, tunnels, overlay };
}
