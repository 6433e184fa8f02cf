/**
 * Names of laboratory namespaces. They carry who made them, so that the next laboratory can tell those whose maker is gone.
 *
 * @module
 */
import { readKernelFile } from "../ffi/posix_linux.ts";

/** A process, told apart from a later one with the same number. */
export interface Owner {
  /** Process id. */
  pid: number;
  /** When it started, in clock ticks since boot (proc(5), stat field 22). */
  startedAt: number;
}

const PREFIX = "burilab";

/** Such as `burilab-123-4567-home1`. `name`: letters, digits and hyphens. */
export function namespaceName(owner: Owner, name: string): string {
  return `${PREFIX}-${owner.pid}-${owner.startedAt}-${name}`;
}

/** Who made the namespace of that name; null = it is none of ours. */
export function ownerOf(name: string): Owner | null {
  const match = new RegExp(`^${PREFIX}-(\\d+)-(\\d+)-`).exec(name);
  return match === null ? null : { pid: Number(match[1]), startedAt: Number(match[2]) };
}

/** When process `pid` started, null = there is no such process, or it has ended and only waits to be reaped. */
export function startedAt(pid: number): number | null {
  try {
    // The second field is the program's name in brackets, which may hold anything; fields are counted behind it.
    const [, rest = ""] = readKernelFile(`/proc/${pid}/stat`).split(/\)(?=[^)]*$)/);
    const fields = rest.trim().split(" ");
    return fields[0] === "Z" ? null : Number(fields[19]);
  } catch {
    return null;
  }
}

/** Whether the process is still there. */
export function isAlive(owner: Owner): boolean {
  return startedAt(owner.pid) === owner.startedAt;
}

/** This process. */
export function ownOwner(): Owner {
  return { pid: Deno.pid, startedAt: startedAt(Deno.pid) ?? 0 };
}
