import { createHash } from "node:crypto";
import { dirname } from "node:path";
import { UserError } from "../base/errors.ts";

/** The longest path a Unix socket address holds (`sun_path` less its end mark). */
const MAX_SOCKET_PATH = Deno.build.os === "darwin" ? 103 : 107;

/** Whose engine one looks for: what the choice of a runtime folder depends on. */
export interface RuntimeOwner {
  /** Effective user id. */
  uid: number;
  /** `$XDG_RUNTIME_DIR`, when set. */
  xdgRuntimeDir: string | undefined;
}

/**
 * Where the socket of `stateDir` (an absolute path) may lie, best first: `stateDir/control.sock`, or, where that is too long
 * for a socket address, a name made of its hash in the first runtime folder that can be used.
 */
export function socketPaths(stateDir: string, owner: RuntimeOwner): string[] {
  const plain = `${stateDir}/control.sock`;
  if (new TextEncoder().encode(plain).length <= MAX_SOCKET_PATH) return [plain];
  const name = `${createHash("sha256").update(stateDir).digest("hex").slice(0, 32)}.sock`;
  return runtimeDirs(owner).map((dir) => `${dir}/${name}`);
}

function runtimeDirs({ uid, xdgRuntimeDir }: RuntimeOwner): string[] {
  const system = uid === 0 ? ["/run/buri"] : [];
  const session = xdgRuntimeDir === undefined || xdgRuntimeDir === "" ? [] : [`${xdgRuntimeDir}/buri`];
  return [...system, ...session, `/tmp/buri-${uid}`];
}

/**
 * Listens on the socket of `stateDir`, readable by this user alone. A socket left by a dead engine is replaced, but only
 * after nobody answered on it. Throws `UserError` when somebody does.
 */
export async function listenControl(
  stateDir: string,
  owner: RuntimeOwner = currentOwner(),
): Promise<{ listener: Deno.Listener; path: string }> {
  const absolute = await Deno.realPath(stateDir);
  const candidates = socketPaths(absolute, owner);
  const path = candidates.find((candidate) => candidate.startsWith(`${absolute}/`) || hasRuntimeDir(candidate));
  if (path === undefined) {
    throw new UserError(
      `Cannot open a control socket for ${stateDir}: the path is too long and no runtime folder is usable`,
      {
        hint: "Choose a shorter state folder with --state.",
      },
    );
  }
  await removeStale(path);
  return { listener: listenPrivately(path), path };
}

/** Connects to the engine of `stateDir`. Throws as `Deno.connect` does: `NotFound`, `ConnectionRefused`, `PermissionDenied`. */
export async function dialControl(stateDir: string, owner: RuntimeOwner = currentOwner()): Promise<Deno.Conn> {
  const absolute = await Deno.realPath(stateDir);
  for (const path of socketPaths(absolute, owner)) {
    if (!path.startsWith(`${absolute}/`) && !isPrivateDir(dirname(path))) continue;
    try {
      return await Deno.connect({ transport: "unix", path });
    } catch (error) {
      if (!(error instanceof Deno.errors.NotFound)) throw error;
    }
  }
  throw new Deno.errors.NotFound(`no control socket for ${stateDir}`);
}

function currentOwner(): RuntimeOwner {
  return { uid: Deno.uid() ?? 0, xdgRuntimeDir: Deno.env.get("XDG_RUNTIME_DIR") };
}

/** Whether the runtime folder of `path` is there and private; makes it where it is missing. */
function hasRuntimeDir(path: string): boolean {
  const dir = dirname(path);
  try {
    Deno.mkdirSync(dir, { mode: 0o700 });
  } catch (error) {
    if (!(error instanceof Deno.errors.AlreadyExists)) return false;
  }
  return isPrivateDir(dir);
}

/**
 * Whether `dir` is a folder of this user's that nobody else can put a socket into. Where several users share the folder
 * above, one could make it in another's name, wait for a command, and be told a password.
 */
export function isPrivateDir(dir: string): boolean {
  try {
    const { isDirectory, uid, mode } = Deno.lstatSync(dir);
    return isDirectory && uid === Deno.uid() && ((mode ?? 0) & 0o022) === 0;
  } catch {
    return false;
  }
}

async function removeStale(path: string): Promise<void> {
  try {
    (await Deno.connect({ transport: "unix", path })).close();
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return;
    if (!(error instanceof Deno.errors.ConnectionRefused)) throw error;
    if ((await Deno.lstat(path)).isSocket) return await Deno.remove(path);
    throw new UserError(`Cannot open the control socket ${path}: a file of that name is in its place`, {
      cause: error,
    });
  }
  throw new UserError(`Cannot start the engine: another one answers on ${path}`, {
    hint: "Stop it with `buri down`, or give this one a folder of its own with --state.",
  });
}

/** The umask is of the whole process, but nothing else runs between the two calls: `Deno.listen` does not wait. */
function listenPrivately(path: string): Deno.Listener {
  const before = Deno.umask(0o177);
  try {
    return Deno.listen({ transport: "unix", path });
  } finally {
    Deno.umask(before);
  }
}
