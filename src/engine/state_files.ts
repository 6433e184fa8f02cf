/**
 * What stands in the files of the state folder, and how it is read back: strictly, so that a damaged file is refused before
 * anything is made of it, let alone written over it.
 *
 *     identity.json            private keys
 *     settings.json            invite of the server, nickname, whether to be logged in
 *     servers/ID/account.json  what a server gave us: client id, addresses, best suite seen
 *     servers/ID/pins.json     keys of peers, by virtual address
 *     servers/ID/secrets.json  peer secrets of networks, by network id
 *     servers/ID/notices.json  welcomes and announcements
 *
 * Beside them stand `chat.sqlite`, history and outbox, and `message_keys.json`: see `chat/`.
 *
 * ID names a server by its key, so that one folder can hold accounts at several.
 *
 * @module
 */
import * as v from "valibot";
import { fromBase64Url, fromHex, toBase64Url, toHex } from "../base/bytes.ts";
import { type Cidr4, formatCidr4, formatIpv4, parseCidr4, parseIpv4 } from "../base/ip.ts";
import type { IpMode } from "../ipc/schema.ts";
import { damaged, type StateFolder } from "./state_folder.ts";

/** Private keys of this client. */
export interface StoredIdentity {
  /** Ed25519 seed, 32 bytes. */
  ed25519: Uint8Array;
  /** PKCS#8 of the RSA key; null until suite 1 is first used. */
  rsa: Uint8Array | null;
}

/** What the user chose. */
export interface StoredSettings {
  /** Invite of the server in use, as given; null = none yet. */
  server: string | null;
  /** Nickname, "" = none. */
  nick: string;
  /** False from `logout` to the next `login`. */
  wantsLogin: boolean;
  /** Which addresses the device has. */
  ipMode: IpMode;
  /** Peers whose tunnels may go without encryption: fingerprints of their keys of suite 2, in hexadecimal. */
  plainPeers: string[];
}

/** The account at one server. */
export interface StoredAccount {
  /** Invite by which the server is known. */
  invite: string;
  /** Null before the first login. */
  clientId: number | null;
  /** Virtual IPv4 address; null before registration. */
  virtualAddress: number | null;
  /** Addresses the server hands out; null before the first login. */
  pool: Cidr4 | null;
  /** First 12 bytes of the virtual IPv6 addresses; null before the first login. */
  prefix6: Uint8Array | null;
  /** The highest suite ever used with this server; a lower one is refused from then on. 0 = none yet. */
  suiteSeen: 0 | 1 | 2;
  /** By which way the last connection came about, such as `tls:443`; left out = none yet. */
  way?: string | undefined;
}

/** What is pinned of a peer. */
export interface PeerPin {
  /** SHA-256 of the Ed25519 public key, null = never seen. */
  ed25519: Uint8Array | null;
  /** SHA-256 of the ssh-rsa blob, null = never seen. */
  rsa: Uint8Array | null;
  /** The highest suite a tunnel with it ever had; a lower one is refused from then on. 0 = none yet. */
  suiteSeen: 0 | 1 | 2;
}

/** Words for all members of a network. */
export interface StoredNotice {
  /** The network. */
  networkId: number;
  /** Its name when they came. */
  network: string;
  /** See NOTICE. */
  kind: number;
  /** Client id of whoever said them. */
  clientId: number;
  /** Milliseconds since 1970. */
  sentAt: number;
  /** The words. */
  message: string;
}

/** A network's secret that the server must not know. */
export interface NetworkSecret {
  /** Name at the time it was kept, for people who look into the file. */
  name: string;
  /** 32 bytes. */
  peerSecret: Uint8Array;
}

const bytesOf = (decode: (text: string) => Uint8Array, length?: number) =>
  v.pipe(
    v.string(),
    v.rawTransform(({ dataset, addIssue, NEVER }): Uint8Array => {
      try {
        const bytes = decode(dataset.value);
        if (length === undefined || bytes.length === length) return bytes;
      } catch {
        // Reported below, like a wrong length.
      }
      addIssue({ message: "not the bytes expected" });
      return NEVER;
    }),
  );
const base64 = (length?: number) => bytesOf(fromBase64Url, length);
const hex = (length: number) => bytesOf(fromHex, length);
const clientId = v.pipe(v.number(), v.integer(), v.minValue(1), v.maxValue(999_999_999));
const address = v.pipe(v.string(), v.transform(parseIpv4), v.number("not an IPv4 address"));
const prefix = v.pipe(
  v.string(),
  v.transform(parseCidr4),
  v.custom<Cidr4>((value) => value !== null, "not an IPv4 prefix"),
);
const suiteSeen = v.picklist([0, 1, 2]);

const IDENTITY = v.strictObject({ version: v.literal(1), ed25519: base64(32), rsa: v.nullable(base64()) });
const SETTINGS = v.strictObject({
  version: v.literal(1),
  server: v.nullable(v.string()),
  nick: v.string(),
  wantsLogin: v.boolean(),
  // Files of earlier versions have none.
  ipMode: v.optional(v.picklist(["ipv4", "ipv6", "both"]), "both"),
  plainPeers: v.optional(v.array(v.pipe(v.string(), v.regex(/^[0-9a-f]{64}$/))), []),
});
const ACCOUNT = v.strictObject({
  version: v.literal(1),
  invite: v.string(),
  clientId: v.nullable(clientId),
  address: v.nullable(address),
  pool: v.nullable(prefix),
  prefix6: v.nullable(hex(12)),
  suiteSeen,
  way: v.optional(v.string()),
});
const PINS = v.strictObject({
  version: v.literal(1),
  peers: v.record(
    v.string(),
    v.strictObject({ ed25519: v.nullable(hex(32)), rsa: v.nullable(hex(32)), suiteSeen }),
  ),
});
const NOTICES = v.strictObject({
  version: v.literal(1),
  notices: v.array(v.strictObject({
    networkId: v.number(),
    network: v.string(),
    kind: v.number(),
    clientId,
    sentAt: v.number(),
    message: v.string(),
  })),
});
const SECRETS = v.strictObject({
  version: v.literal(1),
  networks: v.record(
    v.pipe(v.string(), v.regex(/^[0-9]{1,10}$/)),
    v.strictObject({ name: v.string(), peerSecret: base64(32) }),
  ),
});

/** Null before the first start. @throws {UserError} exit 1 when the file is damaged, as do all readers here */
export function readIdentity(folder: StateFolder): StoredIdentity | null {
  const file = readJson(folder, "identity.json", IDENTITY);
  return file === null ? null : { ed25519: file.ed25519, rsa: file.rsa };
}

/** On the disk when it returns. @throws {UserError} exit 1 when it cannot be saved, as do all writers here */
export function writeIdentity(folder: StateFolder, identity: StoredIdentity): void {
  const rsa = identity.rsa === null ? null : toBase64Url(identity.rsa);
  writeJson(folder, "identity.json", { version: 1, ed25519: toBase64Url(identity.ed25519), rsa });
}

/** Before the first start: no server, no nickname, wants to be logged in. */
export function readSettings(folder: StateFolder): StoredSettings {
  const file = readJson(folder, "settings.json", SETTINGS);
  if (file === null) return { server: null, nick: "", wantsLogin: true, ipMode: "both", plainPeers: [] };
  const { version: _, ...settings } = file;
  return settings;
}

/** See {@linkcode writeIdentity}. */
export function writeSettings(folder: StateFolder, settings: StoredSettings): void {
  writeJson(folder, "settings.json", { version: 1, ...settings });
}

/** Null when the server was never used. */
export function readAccount(folder: StateFolder, server: string): StoredAccount | null {
  const file = readJson(folder, `servers/${server}/account.json`, ACCOUNT);
  if (file === null) return null;
  const { invite, clientId, address, pool, prefix6, suiteSeen, way } = file;
  return { invite, clientId, virtualAddress: address, pool, prefix6, suiteSeen, ...(way === undefined ? {} : { way }) };
}

/** See {@linkcode writeIdentity}. */
export function writeAccount(folder: StateFolder, server: string, account: StoredAccount): void {
  writeJson(folder, `servers/${server}/account.json`, {
    version: 1,
    invite: account.invite,
    clientId: account.clientId,
    address: account.virtualAddress === null ? null : formatIpv4(account.virtualAddress),
    pool: account.pool === null ? null : formatCidr4(account.pool),
    prefix6: account.prefix6 === null ? null : toHex(account.prefix6),
    suiteSeen: account.suiteSeen,
    way: account.way,
  });
}

/** By virtual address. */
export function readPins(folder: StateFolder, server: string): Map<number, PeerPin> {
  const name = `servers/${server}/pins.json`;
  const pins = new Map<number, PeerPin>();
  for (const [text, pin] of Object.entries(readJson(folder, name, PINS)?.peers ?? {})) {
    const peer = parseIpv4(text);
    if (peer === null) throw damaged(folder.pathOf(name), "it names a peer that is no address");
    pins.set(peer, pin);
  }
  return pins;
}

/** See {@linkcode writeIdentity}. */
export function writePins(folder: StateFolder, server: string, pins: ReadonlyMap<number, PeerPin>): void {
  const peers = [...pins].map(([peer, pin]) => {
    const [ed25519, rsa] = [pin.ed25519, pin.rsa].map((bytes) => bytes === null ? null : toHex(bytes));
    return [formatIpv4(peer), { ed25519, rsa, suiteSeen: pin.suiteSeen }];
  });
  writeJson(folder, `servers/${server}/pins.json`, { version: 1, peers: Object.fromEntries(peers) });
}

/** By network id. */
export function readSecrets(folder: StateFolder, server: string): Map<number, NetworkSecret> {
  const file = readJson(folder, `servers/${server}/secrets.json`, SECRETS);
  return new Map(Object.entries(file?.networks ?? {}).map(([id, secret]) => [Number(id), secret]));
}

/** See {@linkcode writeIdentity}. */
export function writeSecrets(
  folder: StateFolder,
  server: string,
  secrets: ReadonlyMap<number, NetworkSecret>,
): void {
  const networks = [...secrets].map(([id, { name, peerSecret }]) => [
    String(id),
    { name, peerSecret: toBase64Url(peerSecret) },
  ]);
  writeJson(folder, `servers/${server}/secrets.json`, { version: 1, networks: Object.fromEntries(networks) });
}

/** The oldest first. */
export function readNotices(folder: StateFolder, server: string): StoredNotice[] {
  return readJson(folder, `servers/${server}/notices.json`, NOTICES)?.notices ?? [];
}

/** See {@linkcode writeIdentity}. */
export function writeNotices(folder: StateFolder, server: string, notices: readonly StoredNotice[]): void {
  writeJson(folder, `servers/${server}/notices.json`, { version: 1, notices });
}

function readJson<T>(folder: StateFolder, name: string, schema: v.GenericSchema<unknown, T>): T | null {
  const text = folder.read(name);
  if (text === null) return null;
  const path = folder.pathOf(name);
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    throw damaged(path, "it is not JSON");
  }
  const parsed = v.safeParse(schema, value, { abortEarly: true });
  if (parsed.success) return parsed.output;
  // Only where the fault is: the value itself may be a key.
  throw damaged(path, `its field ${v.getDotPath(parsed.issues[0]) ?? "list"} does not fit`);
}

function writeJson(folder: StateFolder, name: string, value: unknown): void {
  folder.write(name, `${JSON.stringify(value, null, 2)}\n`);
}
