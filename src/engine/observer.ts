import type { ControlMessageOf } from "../protocol/mod.ts";
import type { NetworksView } from "./networks_view.ts";

/** Hears what happens to a client at a server. Nothing here may throw. */
export interface AccountObserver {
  /** The connection to the server: logged in and told of every network, or lost. */
  onLogin(isLoggedIn: boolean): void;
  /** Networks or members changed; peers are up to date already. */
  onView(before: NetworksView, after: NetworksView): void;
  /** Packets to this virtual address go another way, or none. */
  onPath(virtualAddress: number): void;
  /** Somebody wrote while this client was away, or out of reach. */
  onMessage(message: ControlMessageOf<"message">): void;
  /** Words for all members of a network, told for the first time. */
  onNotice(notice: ControlMessageOf<"notice">, network: string): void;
}
