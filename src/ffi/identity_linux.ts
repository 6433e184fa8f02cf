/**
 * Who the process is and what it may do on Linux, and how it becomes someone lesser for good.
 *
 * @module
 */
import { SystemError } from "./errno.ts";
import {
  closeDescriptor,
  openDescriptor,
  processIds,
  readKernelFile,
  setGroupId,
  setSupplementaryGroups,
  setUserId,
} from "./posix_linux.ts";

/** Bits of capabilities(7), by name. */
export const CAPABILITY = { NET_BIND_SERVICE: 10, NET_ADMIN: 12, NET_RAW: 13, SYS_ADMIN: 21 } as const;

/** Name of a capability we ask about. */
export type Capability = keyof typeof CAPABILITY;

/** A user and a group to run as. */
export interface Identity {
  /** User id. */
  uid: number;
  /** Group id. */
  gid: number;
}

/** What became of a wish to drop privileges. */
export type DropResult =
  | {
    /** All ids are the wished ones now, no supplementary group and no capability is left. */
    outcome: "dropped";
    /** The ids in force. */
    to: Identity;
  }
  | {
    /** Nothing was changed. */
    outcome: "kept";
    /** Why, as a clause: "the process is not root". */
    reason: string;
  };

const TUN_DEVICE = "/dev/net/tun";
const O_RDWR = 2;
/** The kernel's overflow ids, which are Debian's nobody and nogroup. */
const NOBODY: Identity = { uid: 65534, gid: 65534 };

/** User id that decides about rights. */
export function effectiveUid(): number {
  return processIds().effectiveUid;
}

/** Whether the process holds a capability in its own user namespace. */
export function hasCapability(capability: Capability): boolean {
  const bits = /^CapEff:\s*([0-9a-f]+)$/m.exec(readKernelFile("/proc/thread-self/status"))?.[1] ?? "0";
  return (BigInt(`0x${bits}`) >> BigInt(CAPABILITY[capability])) % 2n === 1n;
}

/** Why a TUN device cannot be made, as a clause; null = it can. */
export function tunObstacle(): string | null {
  try {
    closeDescriptor(openDescriptor(TUN_DEVICE, O_RDWR));
  } catch (error) {
    if (error instanceof SystemError && error.code === "ENOENT") {
      return `${TUN_DEVICE} does not exist; the kernel module tun makes it`;
    }
    return `${TUN_DEVICE} may not be opened by this user; mode 0666, which udev gives it, would do`;
  }
  return hasCapability("NET_ADMIN") ? null : "the capability CAP_NET_ADMIN is missing";
}

/** Owner of `folder`, or nobody where the owner is root. @throws {Deno.errors.NotFound} */
export function unprivilegedOwner(folder: string): Identity {
  const { uid, gid } = Deno.statSync(folder);
  return uid ? { uid, gid: gid ?? NOBODY.gid } : findNobody();
}

/** The account `nobody` of the system's own list, or the kernel's overflow ids. */
function findNobody(): Identity {
  try {
    const line = Deno.readTextFileSync("/etc/passwd").split("\n").find((entry) => entry.startsWith("nobody:"));
    const [uid, gid] = (line?.split(":").slice(2, 4) ?? []).map(Number);
    return uid && gid ? { uid, gid } : NOBODY;
  } catch {
    return NOBODY;
  }
}

/**
 * Makes the whole process run as `identity`, for good: groups first, then gid, then uid, because the last one takes the
 * right to do the others. With the last root id the kernel takes all capabilities away. It stays as it is, and says so, where
 * it is not root or where the user namespace does not map these ids (a container with one id). Files it must still write
 * have to belong to `identity` before. @throws {SystemError} when it fails halfway: the caller must end then
 */
export function dropPrivileges(identity: Identity): DropResult {
  if (identity.uid === 0) return { outcome: "kept", reason: "the wished user is root itself" };
  if (effectiveUid() !== 0) return { outcome: "kept", reason: "the process is not root" };
  if (!isMapped("uid", identity.uid) || !isMapped("gid", identity.gid)) {
    const wished = `${identity.uid}:${identity.gid}`;
    return { outcome: "kept", reason: `this user namespace has no other ids (${wished} is not mapped)` };
  }
  try {
    setSupplementaryGroups([]);
  } catch (error) {
    // A user namespace made without privileges forbids setgroups (user_namespaces(7)); nothing was changed yet.
    if (error instanceof SystemError && error.code === "EPERM") {
      return { outcome: "kept", reason: "this user namespace forbids to change groups" };
    }
    throw error;
  }
  setGroupId(identity.gid);
  setUserId(identity.uid);
  assertDropped(identity);
  return { outcome: "dropped", to: identity };
}

/** Whether `id` exists in the user namespace of the process: lines of "inside outside count" (user_namespaces(7)). */
function isMapped(kind: "uid" | "gid", id: number): boolean {
  return readKernelFile(`/proc/self/${kind}_map`).trim().split("\n").some((line) => {
    const [inside = 0, , count = 0] = line.trim().split(/\s+/).map(Number);
    return id >= inside && id < inside + count;
  });
}

/** A dropped privilege that can be had back is worse than one that was kept knowingly. */
function assertDropped({ uid, gid }: Identity): void {
  const ids = processIds();
  if (ids.uid !== uid || ids.effectiveUid !== uid || ids.gid !== gid || ids.effectiveGid !== gid) {
    throw new Error(`Cannot drop privileges: still user ${ids.effectiveUid}, group ${ids.effectiveGid}`);
  }
  if (hasCapability("NET_ADMIN") || hasCapability("SYS_ADMIN")) {
    throw new Error("Cannot drop privileges: capabilities are left");
  }
}
