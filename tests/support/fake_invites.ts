import { ControlError, type InviteControl, type OpenInviteView } from "../../src/ipc/mod.ts";
import { parseNetworkInvite } from "../../src/protocol/mod.ts";

/** An invite to a network, with keys and secrets that nobody has. */
export const SAMPLE_LINK = `buri://vpn.test:12975/#AQ${"A".repeat(112)}&join=AQAAAAc${"A".repeat(21)}`;

/** When an invite ends. */
const ENDS_AT = 1_767_225_600_000;

/**
 * Invites of an engine in memory; every network has the same ones.
 *
 * @param requireNetwork refuses where `method` cannot be called now, or is no member; gives the network's name
 */
export function fakeInvites(requireNetwork: (method: string, network: string | null) => string): InviteControl {
  const open: OpenInviteView[] = [
    {
      id: "0011223344556677",
      by: { id: "090-736-821", nick: "alice", isSelf: true },
      usesLeft: 1,
      expiresAt: ENDS_AT,
    },
    { id: "8899aabbccddeeff", by: { id: "090-123-456", nick: "bob", isSelf: false }, usesLeft: 4, expiresAt: null },
  ];
  return {
    invite: async ({ network, uses, forMs }) => {
      const name = requireNetwork("invite", network);
      const expiresAt = forMs === null ? null : ENDS_AT + forMs;
      return await Promise.resolve({ link: SAMPLE_LINK, network: name, uses, expiresAt });
    },
    invites: async ({ network }) => {
      requireNetwork("invites", network);
      return await Promise.resolve(open);
    },
    revoke: async ({ network, invite }) => {
      requireNetwork("revoke", network);
      const at = open.findIndex(({ id }) => id === invite);
      if (at < 0) throw new ControlError("inviteNotFound");
      await Promise.resolve(open.splice(at, 1));
    },
    joinInvited: async ({ link }) => {
      requireNetwork("joinInvited", null);
      const { host } = parseNetworkInvite(link).server;
      if (host === "elsewhere.test") throw new ControlError("otherServer", `The invite is for ${host}.`);
      if (host === "old.test") throw new ControlError("invalidInvite");
      return await Promise.resolve({ network: "game night", pending: host === "strict.test" });
    },
  };
}
