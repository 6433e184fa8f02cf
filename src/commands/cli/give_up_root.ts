import type { Logger } from "../../base/log.ts";
import { dropPrivileges, effectiveUid, unprivilegedOwner } from "../../ffi/identity_linux.ts";
import { giveDataFolder } from "../../server/mod.ts";

/**
 * Makes a server that was started as root, and whose ports are open, run as the owner of its data folder, or as nobody where
 * that is root. Where the system has no such user to become, it stays root and says so.
 */
export function giveUpRoot(dataDir: string, log: Logger): void {
  if (effectiveUid() !== 0) return;
  const owner = unprivilegedOwner(dataDir);
  try {
    giveDataFolder(dataDir, owner);
  } catch (error) {
    return log.warn("runs as root: its data cannot be given to another user", { uid: owner.uid, error });
  }
  const result = dropPrivileges(owner);
  if (result.outcome === "kept") log.warn("runs as root", { reason: result.reason });
  else log.info("gave up root", { uid: result.to.uid, gid: result.to.gid });
}
