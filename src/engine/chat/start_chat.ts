/**
 * Puts messages and events together with the client at its server.
 *
 * @module
 */
import type { Clock } from "../../base/clock.ts";
import { UserError } from "../../base/errors.ts";
import { formatIpv4 } from "../../base/ip.ts";
import type { Logger } from "../../base/log.ts";
import type { Random } from "../../base/random.ts";
import type { Ed25519KeyPair } from "../../crypto/mod.ts";
import type { DataPlane } from "../../dataplane/types.ts";
import { NOTICE, SERVER_FLAG } from "../../protocol/mod.ts";
import type { Account } from "../account.ts";
import type { EventHub } from "../events.ts";
import type { AccountObserver } from "../observer.ts";
import type { NetworkSecrets } from "../secrets.ts";
import type { PeerPin } from "../state_files.ts";
import { damaged, type StateFolder } from "../state_folder.ts";
import { viewEvents } from "../view_events.ts";
import { formatClientId } from "../views.ts";
import { Chat, type ChatAccount } from "./chat.ts";
import { ChatStore } from "./chat_store.ts";
import { readMessageKeys, writeMessageKeys } from "./key_file.ts";

/** What SQLite says when the disk, not the file, is at fault. */
const NO_ROOM = /disk is full|disk I\/O error/;

/** What messages are made of. */
export interface ChatParts {
  /** Where history, outbox and keys are kept. */
  folder: StateFolder;
  /** Names the server in it. */
  serverId: string;
  /** The client at the server; may be made after this. */
  account(): Account;
  /** Own long-term key. */
  identity: Ed25519KeyPair;
  /** Own nickname. */
  nick(): string;
  /** Pinned keys of peers, by virtual address. */
  pins: ReadonlyMap<number, PeerPin>;
  /** Peer secrets of networks. */
  secrets: NetworkSecrets;
  /** Moves the frames. */
  dataPlane: Pick<DataPlane, "sendFrame">;
  /** Time. */
  clock: Clock;
  /** For ids and keys. */
  random: Random;
  /** Where it tells of trouble. */
  log: Logger;
  /** Tells what happened. */
  events: EventHub;
}

/** Messages, and who is to hear of what happens to the account. */
export interface StartedChat {
  /** The messages. */
  chat: Chat;
  /** For `AccountOptions`. */
  observer: AccountObserver;
}

/** Opens what was kept of messages and connects them with the account. @throws {UserError} exit 1 when it is damaged */
export function startChat(parts: ChatParts): StartedChat {
  const { folder, serverId, events, identity, clock, random, log } = parts;
  const store = openStore(folder, `servers/${serverId}/chat.sqlite`, () => parts.account().stored.clientId ?? 0);
  const chat = new Chat({
    account: accountOf(parts),
    identity,
    store,
    keys: readMessageKeys(folder, serverId),
    saveKeys: (keys) => writeMessageKeys(folder, serverId, keys),
    clock,
    random,
    log,
    emit: events.emit,
  });
  return { chat, observer: observe(parts, chat) };
}

function openStore(folder: StateFolder, name: string, ownId: () => number): ChatStore {
  const path = folder.privateFile(name);
  try {
    return new ChatStore(path, ownId);
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    // Whoever is told that a good file is damaged may throw it away.
    if (!NO_ROOM.test(reason)) throw damaged(path, reason);
    throw new UserError(`Cannot save ${path}: ${reason}`, { hint: "Make room on its disk.", cause: error });
  }
}

function accountOf({ account, nick, pins, secrets, dataPlane }: ChatParts): ChatAccount {
  return {
    ownId: () => account().stored.clientId ?? 0,
    ownNick: nick,
    isReady: () => account().isReady,
    serverTimeMs: () => account().serverTimeMs(),
    mayWriteToNetworks: () => (account().serverFlags & SERVER_FLAG.mayOnlyReadNetworkChat) === 0,
    view: () => account().view,
    peers: () => account().knownPeers,
    peerOf: (localSpi) => account().peers?.peerOf(localSpi) ?? null,
    tunnelTo: (virtualAddress) => {
      const tunnel = account().peers?.tunnelOf(virtualAddress) ?? null;
      // Messages are never readable on the way: where the tunnel does not see to that, the server takes them, sealed.
      return tunnel === null || tunnel.isPlain ? null : tunnel.facts.localSpi;
    },
    want: (virtualAddress) => account().peers?.want(virtualAddress),
    sendFrame: (localSpi, frameType, payload) => dataPlane.sendFrame(localSpi, null, frameType, payload),
    request: (request) => account().request(request),
    askForKey: (clientId) => account().ask({ type: "getMessageKey", clientId }),
    pinOf: (virtualAddress) => pins.get(virtualAddress),
    secretsOf: (networkIds) => secrets.of(networkIds, account().view),
  };
}

function observe({ account, events }: ChatParts, chat: Chat): AccountObserver {
  const paths = new Map<number, string>();
  return {
    onLogin: (isLoggedIn) => {
      events.emit({ kind: "status", status: isLoggedIn ? "logged in" : "logging in" });
      if (isLoggedIn) chat.loggedIn();
    },
    onView: (before, after) => {
      for (const event of viewEvents(before, after, account().stored.clientId ?? 0)) events.emit(event);
      chat.wake();
    },
    onPath: (virtualAddress) => {
      const peer = account().knownPeers.get(virtualAddress);
      const link = account().factsOf(virtualAddress)?.link ?? null;
      const told = link === null ? "" : `${link.path} ${link.transport} ${link.endpoint}`;
      if (peer === undefined || told === (paths.get(virtualAddress) ?? "")) return;
      paths.set(virtualAddress, told);
      const { clientId, nick, address } = peer.member;
      const member = { id: formatClientId(clientId), nick, address4: formatIpv4(address) };
      const { path, transport, endpoint } = link ?? { path: null, transport: null, endpoint: null };
      events.emit({ kind: "path", member, path, transport, endpoint });
      chat.wake();
    },
    onMessage: (message) => chat.takeMessage(message),
    onNotice: ({ kind, clientId, sentAt, message }, network) => {
      const notice = kind === NOTICE.welcome ? "welcome" : "announcement";
      const from = formatClientId(clientId);
      events.emit({ kind: "notice", network, notice, from, text: message, sentAt: Number(sentAt) });
    },
  };
}
