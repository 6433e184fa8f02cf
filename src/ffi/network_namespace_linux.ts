import {
  closeDescriptor,
  enterNamespace,
  mountPath,
  openDescriptor,
  readKernelLink,
  unmountPath,
  unshareThread,
} from "./posix_linux.ts";

const CLONE_NEWNET = 0x40000000;
const MS_BIND = 0x1000;
const MNT_DETACH = 2;
const O_RDONLY = 0;
const OWN_NAMESPACE = "/proc/thread-self/ns/net";

/** Number of the network namespace the thread is in. */
export function currentNetworkNamespaceId(): number {
  return idOf(OWN_NAMESPACE);
}

/** Reads a link such as `net:[4026531840]`. */
function idOf(path: string): number {
  return Number(/^net:\[(\d+)\]$/.exec(readKernelLink(path))?.[1]);
}

/**
 * A network namespace (network_namespaces(7)), held open by a descriptor: it ends, with everything in it, when the last
 * descriptor is closed and the last process in it has ended, unless it was given a name in the file system.
 */
export class NetworkNamespace implements Disposable {
  /** For setns(2) and IFLA_NET_NS_FD. */
  readonly descriptor: number;

  private constructor(descriptor: number) {
    this.descriptor = descriptor;
  }

  /** A new, empty one: only a loopback interface, switched off. @throws {SystemError} EPERM without CAP_SYS_ADMIN */
  static create(): NetworkNamespace {
    using home = NetworkNamespace.current();
    unshareThread(CLONE_NEWNET);
    try {
      return NetworkNamespace.current();
    } finally {
      enterNamespace(home.descriptor, CLONE_NEWNET);
    }
  }

  /** The one the thread is in. */
  static current(): NetworkNamespace {
    return NetworkNamespace.open(OWN_NAMESPACE);
  }

  /** The one behind a path such as `/run/netns/blue` or `/proc/123/ns/net`. @throws {SystemError} */
  static open(path: string): NetworkNamespace {
    return new NetworkNamespace(openDescriptor(path, O_RDONLY));
  }

  /** Number of the namespace, as `readlink /proc/PID/ns/net` shows it; unique while it lives. */
  get id(): number {
    return idOf(`/proc/self/fd/${this.descriptor}`);
  }

  /**
   * Calls `action` with the thread inside the namespace. Sockets it opens and processes it spawns stay there; files below
   * /proc/sys/net are the namespace's own. It must be synchronous and must not start anything that goes on behind it:
   * the thread is back outside when it returns. @throws what it throws
   */
  run<T>(action: () => T extends Promise<unknown> ? never : T): T {
    using home = NetworkNamespace.current();
    enterNamespace(this.descriptor, CLONE_NEWNET);
    try {
      return action();
    } finally {
      enterNamespace(home.descriptor, CLONE_NEWNET);
    }
  }

  /** Moves the thread into it for good. */
  enter(): void {
    enterNamespace(this.descriptor, CLONE_NEWNET);
  }

  /** Binds it to an existing file, as `ip netns` does, so that others find it and it outlives us. @throws {SystemError} */
  nameAt(path: string): void {
    mountPath(`/proc/self/fd/${this.descriptor}`, path, "none", MS_BIND);
  }

  /** Takes a name away again; the file stays. @throws {SystemError} EINVAL when nothing is bound there */
  static unname(path: string): void {
    unmountPath(path, MNT_DETACH);
  }

  /** Lets go of it. */
  [Symbol.dispose](): void {
    closeDescriptor(this.descriptor);
  }
}
