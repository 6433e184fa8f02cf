/**
 * Invites to networks on the interface between commands and engine.
 *
 * @module
 */
import type { NetworkParams } from "./schema.ts";

/** What `invite` takes. */
export interface InviteParams extends NetworkParams {
  /** How many may join by it, 1 to 65,535. */
  uses: number;
  /** How long it lasts, in milliseconds from now; null = for good. */
  forMs: number | null;
}

/** An invite to a network. Whoever has its link may join. */
export interface InviteView {
  /** `buri://HOST:PORT/#KEY&join=TICKET` (PROTOCOL.md section 2). */
  link: string;
  /** Name of the network. */
  network: string;
  /** How many may join by it. */
  uses: number;
  /** When it ends, milliseconds since 1970; null = never. */
  expiresAt: number | null;
}

/** An invite by which somebody may still join. Its link is known only to whoever was given it. */
export interface OpenInviteView {
  /** 16 digits of hexadecimal. */
  id: string;
  /** Who made it. */
  by: { id: string; nick: string; isSelf: boolean };
  /** How many may still join by it. */
  usesLeft: number;
  /** When it ends, milliseconds since 1970; null = never. */
  expiresAt: number | null;
}

/** The part of `EngineControl` that is about invites. */
export interface InviteControl {
  /** Makes an invite to a network. Fails with `networkNotFound`, `notPermitted`, `limitReached`, `notLoggedIn`. */
  invite(params: InviteParams): Promise<InviteView>;
  /** The invites of a network that this client may end. Fails with `networkNotFound`, `notLoggedIn`. */
  invites(params: NetworkParams): Promise<OpenInviteView[]>;
  /** Ends an invite. Fails with `networkNotFound`, `inviteNotFound`, `notLoggedIn`. */
  revoke(params: NetworkParams & { invite: string }): Promise<void>;
  /** Joins by the link of an invite. Fails with `otherServer`, `invalidInvite`, and as `join` does. */
  joinInvited(params: { link: string }): Promise<{ network: string; pending: boolean }>;
}
