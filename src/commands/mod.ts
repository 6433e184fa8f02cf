/**
 * The table of all commands: help, completion, the reference in docs/COMMANDS.md and the command line read it.
 *
 * @module
 */

import type { Command } from "./cli/command.ts";
import { create } from "./create.ts";
import { deleteNetwork } from "./delete.ts";
import { down } from "./down.ts";
import { goOffline } from "./go_offline.ts";
import { goOnline } from "./go_online.ts";
import { helpAbout } from "./help.ts";
import { join } from "./join.ts";
import { labNatMatrix } from "./lab_nat_matrix.ts";
import { leave } from "./leave.ts";
import { list } from "./list.ts";
import { login } from "./login.ts";
import { logout } from "./logout.ts";
import { network } from "./network.ts";
import { peer } from "./peer.ts";
import { ping } from "./ping.ts";
import { server } from "./server.ts";
import { serverInvite } from "./server_invite.ts";
import { setNick } from "./set_nick.ts";
import { status } from "./status.ts";
import { up } from "./up.ts";
import { version } from "./version.ts";

export { runCommandLine } from "./cli/run.ts";
export { runAsProcess } from "./cli/system.ts";

/** All commands in the order in which help lists them; the first is what a line without a command means. */
export const COMMANDS: readonly Command[] = [
  status,
  up,
  down,
  login,
  logout,
  setNick,
  create,
  join,
  leave,
  deleteNetwork,
  list,
  network,
  goOnline,
  goOffline,
  peer,
  ping,
  server,
  serverInvite,
  labNatMatrix,
  helpAbout(() => COMMANDS),
  version,
];
