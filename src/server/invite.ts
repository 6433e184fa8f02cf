import { utf8 } from "../base/bytes.ts";
import { ProtocolError, UserError } from "../base/errors.ts";
import { parseEndpoint } from "../base/ip.ts";
import { systemRandom } from "../base/random.ts";
import { DEFAULT_PORT, formatInvite, parseInvite } from "../protocol/mod.ts";
import { makeDataFolder, readPrivateFile, replacePrivateFile } from "./data_folder.ts";
import { systemClock } from "../transport/system.ts";
import { loadServerIdentity, pinOf } from "./server_identity.ts";

/** Where the server last listened, as HOST:PORT. */
const LISTEN_FILE = "listen";

/** What an invite is made of. */
export interface InviteOptions {
  /** The server's data folder; made, with its keys, where there is none. */
  dataDir: string;
  /** HOST:PORT or HOST under which clients reach the server; default: where it last listened, if that is one address. */
  host?: string;
}

/** Remembers where the server listens, for invites made later. @throws {UserError} */
export function rememberListenAddress(dataDir: string, host: string, port: number): void {
  const text = host.includes(":") ? `[${host}]:${port}` : `${host}:${port}`;
  replacePrivateFile(dataDir, LISTEN_FILE, utf8(text));
}

/**
 * The link by which clients find the server and know it (PROTOCOL.md section 2). The server may run or not.
 *
 * @throws {UserError} exit 2 when no address is known or the named one is malformed; else when the folder cannot be used
 */
export async function makeInvite({ dataDir, host }: InviteOptions): Promise<string> {
  makeDataFolder(dataDir);
  const remembered = rememberedAddress(dataDir);
  const named = host === undefined
    ? concreteAddress(remembered)
    : splitHost(host, remembered?.port ?? DEFAULT_PORT.control);
  const identity = await loadServerIdentity(dataDir, systemRandom(), systemClock().wallMs());
  try {
    const invite = formatInvite({ ...named, pin: pinOf(identity) });
    parseInvite(invite);
    return invite;
  } catch (error) {
    if (!(error instanceof ProtocolError)) throw error;
    throw badHost(host ?? "", error);
  }
}

interface NamedAddress {
  host: string;
  port: number;
}

function rememberedAddress(dataDir: string): NamedAddress | null {
  const bytes = readPrivateFile(dataDir, LISTEN_FILE);
  const text = bytes === null ? "" : new TextDecoder().decode(bytes);
  return parseEndpoint(text) === null ? null : splitHost(text, 0);
}

/** @throws {UserError} where the server listens on every address, or never did */
function concreteAddress(remembered: NamedAddress | null): NamedAddress {
  const isWildcard = remembered === null || ["0.0.0.0", "::"].includes(remembered.host) || remembered.port === 0;
  if (!isWildcard) return remembered;
  throw new UserError("Cannot make an invite: the server has no single address of its own", {
    exitCode: 2,
    hint: "Say under which name or address clients reach it: --host HOST:PORT.",
  });
}

/** `HOST`, `HOST:PORT`, `[v6]` or `[v6]:PORT`. @throws {UserError} */
function splitHost(text: string, defaultPort: number): NamedAddress {
  const match = /^(?:\[([^\]]+)\]|([^:[\]]+))(?::([0-9]{1,5}))?$/.exec(text);
  if (match === null) throw badHost(text);
  const [, host6, name, digits] = match;
  return { host: host6 ?? name!, port: digits === undefined ? defaultPort : Number(digits) };
}

function badHost(host: string, cause?: unknown): UserError {
  return new UserError(`Cannot make an invite: ${JSON.stringify(host)} is not HOST:PORT`, {
    exitCode: 2,
    hint: "Name it like vpn.example.org:12975, 192.0.2.1:12975 or [2001:db8::1]:12975.",
    cause,
  });
}
