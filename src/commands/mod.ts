/**
 * The table of all commands: help, completion, the reference in docs/COMMANDS.md and the command line read it.
 *
 * @module
 */

import type { Command } from "./cli/command.ts";
import { admin } from "./admin.ts";
import { announce } from "./announce.ts";
import { approve } from "./approve.ts";
import { attach, attachNet, cancel } from "./attach.ts";
import { backup } from "./backup.ts";
import { ban } from "./ban.ts";
import { bans } from "./bans.ts";
import { chat } from "./chat.ts";
import { checkUpdate } from "./check_update.ts";
import { complete } from "./complete.ts";
import { completionOf } from "./completion.ts";
import { create } from "./create.ts";
import { deleteNetwork } from "./delete.ts";
import { doctor } from "./doctor.ts";
import { down } from "./down.ts";
import { evict } from "./evict.ts";
import { events } from "./events.ts";
import { goOffline } from "./go_offline.ts";
import { goOnline } from "./go_online.ts";
import { handOver } from "./hand_over.ts";
import { helpAbout } from "./help.ts";
import { hub } from "./hub.ts";
import { inbox } from "./inbox.ts";
import { invite } from "./invite.ts";
import { invites } from "./invites.ts";
import { join } from "./join.ts";
import { labNatMatrix } from "./lab_nat_matrix.ts";
import { leave } from "./leave.ts";
import { list } from "./list.ts";
import { login } from "./login.ts";
import { logout } from "./logout.ts";
import { network } from "./network.ts";
import { notices } from "./notices.ts";
import { netcheck } from "./netcheck.ts";
import { pack } from "./pack.ts";
import { peer } from "./peer.ts";
import { ping } from "./ping.ts";
import { plain } from "./plain.ts";
import { reject } from "./reject.ts";
import { restore } from "./restore.ts";
import { schemaAbout } from "./schema.ts";
import { server } from "./server.ts";
import { serverAccount } from "./server_account.ts";
import { revoke } from "./revoke.ts";
import { serverInvite } from "./server_invite.ts";
import { serverPolicy } from "./server_policy.ts";
import { setAccess } from "./set_access.ts";
import { setIpMode } from "./set_ip_mode.ts";
import { setNick } from "./set_nick.ts";
import { setPass } from "./set_pass.ts";
import { setPlain } from "./set_plain.ts";
import { status } from "./status.ts";
import { unban } from "./unban.ts";
import { up } from "./up.ts";
import { verify } from "./verify.ts";
import { version } from "./version.ts";
import { view } from "./view.ts";
import { why } from "./why.ts";
import { welcome } from "./welcome.ts";

export { runCommandLine } from "./cli/run.ts";
export { runAsProcess } from "./cli/system.ts";

/** All commands in the order in which help lists them; the first is what a line without a command means. */
export const COMMANDS: readonly Command[] = [
  view,
  status,
  up,
  down,
  login,
  logout,
  setNick,
  backup,
  restore,
  setIpMode,
  attach,
  attachNet,
  cancel,
  checkUpdate,
  netcheck,
  doctor,
  create,
  invite,
  invites,
  revoke,
  pack,
  join,
  leave,
  deleteNetwork,
  list,
  network,
  goOnline,
  goOffline,
  notices,
  setPass,
  setAccess,
  setPlain,
  approve,
  reject,
  evict,
  ban,
  unban,
  bans,
  admin,
  hub,
  handOver,
  welcome,
  announce,
  peer,
  verify,
  plain,
  ping,
  chat,
  inbox,
  events,
  why,
  server,
  serverInvite,
  serverPolicy,
  serverAccount,
  labNatMatrix,
  helpAbout(() => COMMANDS),
  schemaAbout(() => COMMANDS),
  completionOf(() => COMMANDS),
  complete,
  version,
];
