/**
 * Which server the engine uses, and what it knows of it.
 *
 * @module
 */
import { equalBytes, toHex } from "../base/bytes.ts";
import { ProtocolError, UserError } from "../base/errors.ts";
import { ed25519Fingerprint } from "../crypto/mod.ts";
import { type Invite, parseInvite } from "../protocol/mod.ts";
import { readAccount, readSettings, type StoredAccount } from "./state_files.ts";
import { damaged, type StateFolder } from "./state_folder.ts";

/** Bytes of the fingerprint that name a server's folder. */
const SERVER_ID_LENGTH = 8;

/** A server and the account there. */
export interface ChosenServer {
  /** Names its folder within the state folder. */
  id: string;
  /** Where it is and how it is known. */
  invite: Invite;
  /** The invite as text, to be remembered once the server has proved that it has the key in it. */
  text: string;
  /** What it gave us. */
  account: StoredAccount;
}

/**
 * The server of `given`, or the one used last. Nothing is written: a mistyped invite must not take the place of a good one.
 *
 * @param acceptNew whether it may have another key than the one pinned for its host
 * @throws {UserError} exit 2 when there is none or the invite is malformed; exit 1 when it names another key than the one
 * that is pinned for its host, or the state is damaged
 */
export function chooseServer(folder: StateFolder, given: string | undefined, acceptNew: boolean): ChosenServer {
  const settings = readSettings(folder);
  const text = given ?? settings.server;
  if (text === null) {
    throw new UserError("Cannot start: no server is known yet", {
      exitCode: 2,
      hint: "Give its invite with --server buri://HOST:PORT/#KEY",
    });
  }
  const invite = given === undefined ? readStored(folder, text) : readGiven(given);
  if (given !== undefined && settings.server !== null && !acceptNew) {
    requireSameKey(readStored(folder, settings.server), invite);
  }
  const id = serverIdOf(invite);
  const account = readAccount(folder, id) ?? newAccount(text);
  return { id, invite, text, account: { ...account, invite: text } };
}

/**
 * Refuses a suite below the best one that was used with the server, unless it is accepted by name.
 *
 * @throws {UserError} exit 1
 */
export function requireSuite({ account }: ChosenServer, suite: 1 | 2, acceptsLower: boolean): void {
  if (acceptsLower) account.suiteSeen = 0;
  if (suite >= account.suiteSeen) return;
  throw new UserError(`Cannot use suite ${suite} with this server: it was seen with suite ${account.suiteSeen}`, {
    hint: "If its owner has told you that it speaks no better one now, add --accept-new.",
  });
}

/** The first bytes of the fingerprint of its key, in hexadecimal. */
export function serverIdOf({ pin }: Invite): string {
  return toHex(ed25519Fingerprint(pin.ed25519).subarray(0, SERVER_ID_LENGTH));
}

function newAccount(invite: string): StoredAccount {
  return { invite, clientId: null, virtualAddress: null, pool: null, prefix6: null, suiteSeen: 0 };
}

/** The same host and port with another key is either a server set up anew, or somebody in its place. */
function requireSameKey(known: Invite, given: Invite): void {
  const isSamePlace = known.host === given.host && known.port === given.port;
  if (!isSamePlace || equalBytes(known.pin.ed25519, given.pin.ed25519)) return;
  throw new UserError(`Cannot use this invite: ${known.host}:${known.port} has another key than the one pinned`, {
    hint: "If its owner has told you that the server was set up anew, add --accept-new: it gives a new account.",
  });
}

function readGiven(text: string): Invite {
  try {
    return parseInvite(text);
  } catch (error) {
    if (!(error instanceof ProtocolError)) throw error;
    throw new UserError(`Cannot read the invite: ${error.message}`, {
      exitCode: 2,
      hint: "Copy it whole, as `buri server invite` prints it, in quotes.",
      cause: error,
    });
  }
}

function readStored(folder: StateFolder, text: string): Invite {
  try {
    return parseInvite(text);
  } catch (error) {
    if (error instanceof ProtocolError) throw damaged(folder.pathOf("settings.json"), "its server is no invite");
    throw error;
  }
}
