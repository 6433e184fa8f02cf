import assert from "node:assert/strict";
import { FakeClock } from "../../../src/base/clock.ts";
import { silentLogger } from "../../../src/base/log.ts";
import { seededRandom } from "../../../src/base/random.ts";
import { ed25519Fingerprint, generateEd25519 } from "../../../src/crypto/mod.ts";
import { Chat, requireText } from "../../../src/engine/chat/chat.ts";
import { ChatStore } from "../../../src/engine/chat/chat_store.ts";
import type { KeptMessageKey } from "../../../src/engine/chat/message_keys.ts";
import type { KnownPeer, NetworksView } from "../../../src/engine/networks_view.ts";
import type { Request } from "../../../src/engine/requests.ts";
import type { PeerPin } from "../../../src/engine/state_files.ts";
import { ControlError, type EventFacts } from "../../../src/ipc/mod.ts";
import { INNER_FRAME, innerFrames, KEY_TYPE, type NetworkHead } from "../../../src/protocol/mod.ts";
import {
  generateMessageKey,
  openMessage,
  publishMessageKey,
  readMessageKey,
  sealMessage,
} from "../../../src/session/mod.ts";

const OWN = 7;
const BOB = 8;
const BOB_ADDRESS = 0x0a4d0002;
const SPI = 300;
const random = seededRandom(33);
const ann = generateEd25519(random);
const bob = generateEd25519(random);
const server = generateEd25519(random);

/** A network of both. */
const VIEW: NetworksView = {
  networks: new Map([[3, { head: { networkId: 3, name: "games", membership: 1 } as NetworkHead, members: new Map() }]]),
  toldSinceLogin: null,
};

/** A member's messages, with everything around them in the hands of a test. */
class Rig implements AsyncDisposable {
  readonly folder = Deno.makeTempDirSync({ prefix: "buri-chat-" });
  readonly clock = new FakeClock();
  readonly requests: Request[] = [];
  readonly frames: { frameType: number; payload: Uint8Array }[] = [];
  readonly events: EventFacts[] = [];
  readonly keys: KeptMessageKey[] = [{ ...generateMessageKey(random), createdAtMs: this.clock.wallMs() }];
  tunnel: number | null = null;
  isReady = true;
  mayWriteToNetworks = true;
  pin: PeerPin | undefined = { ed25519: ed25519Fingerprint(bob.publicKey), rsa: null, suiteSeen: 2 };
  secrets = new Map<number, Uint8Array>();
  /** What the server says of bob. */
  told = { key: bob.publicKey, messageKey: publishMessageKey(generateMessageKey(random), bob, 0n) };
  readonly chat: Chat;

  constructor() {
    const member = { clientId: BOB, address: BOB_ADDRESS, nick: "bob", status: 0, role: 0 };
    const known: KnownPeer = { member, networkIds: [3], isAllowed: true, isWithinReach: false, allowsPlain: false };
    this.chat = new Chat({
      account: {
        ownId: () => OWN,
        ownNick: () => "ann",
        isReady: () => this.isReady,
        serverTimeMs: () => this.clock.wallMs(),
        mayWriteToNetworks: () => this.mayWriteToNetworks,
        view: () => VIEW,
        peers: () => new Map([[BOB_ADDRESS, known]]),
        peerOf: (localSpi) => localSpi === SPI ? known : null,
        tunnelTo: () => this.tunnel,
        want: () => {},
        sendFrame: (_spi, frameType, payload) => void this.frames.push({ frameType, payload }),
        request: (request) => Promise.resolve(void this.requests.push(request)),
        askForKey: () => {
          const keys = [{ keyType: KEY_TYPE.ed25519, publicKey: this.told.key }];
          return Promise.resolve({ keys, messageKey: this.told.messageKey });
        },
        pinOf: () => this.pin,
        secretsOf: () => this.secrets,
      },
      identity: ann,
      store: new ChatStore(`${this.folder}/chat.sqlite`, () => OWN),
      keys: this.keys,
      saveKeys: () => {},
      clock: this.clock,
      random,
      log: silentLogger,
      emit: (event) => void this.events.push(event),
    });
  }

  /** CHAT from a tunnel. */
  receive(
    message: string,
    changes: { messageId?: Uint8Array; networkId?: number; localSpi?: number } = {},
  ): Uint8Array {
    const { messageId = random.bytes(16), networkId = 0, localSpi = SPI } = changes;
    const payload = innerFrames.chat.encode({ messageId, networkId, sentAt: 1n, message });
    this.chat.takeFrame(localSpi, INNER_FRAME.chat, payload);
    return messageId;
  }

  /** MESSAGE from the server, written by the holder of `writer`. */
  async deliver(writer = bob, secret: { networkId: number; peerSecret: Uint8Array } | null = null, networkId = 0) {
    const messageId = random.bytes(16);
    const receiver = readMessageKey(publishMessageKey(this.keys[0]!, ann, 0n), ann.publicKey)!;
    const route = { senderKey: writer.publicKey, receiverKey: ann.publicKey, networkId, messageId };
    const content = { sentAt: 1n, message: "sealed" };
    const sealed = sealMessage(route, content, { sender: writer.privateKey, receiver, secret }, random)!;
    const message = { type: "message", requestId: 0, messageId, networkId, clientId: BOB, sentAt: 2n, sealed } as const;
    this.chat.takeMessage(message);
    this.chat.takeMessage(message);
    await settle();
  }

  texts(): (string | null)[] {
    return this.all().map(({ text }) => text);
  }

  all() {
    return this.chat.inbox({ with: null, all: true, markRead: false, limit: 10_000 });
  }

  acks(): number {
    return this.frames.filter(({ frameType }) => frameType === INNER_FRAME.chatAck).length;
  }

  async write(text: string, to = "bob"): Promise<unknown> {
    const sent = this.chat.send({ to, kind: "any", text, waitMs: 0 }).catch((error: unknown) => error);
    await settle();
    this.clock.advance(0);
    return await sent;
  }

  async [Symbol.asyncDispose]() {
    await this.chat.stop();
    Deno.removeSync(this.folder, { recursive: true });
  }
}

/** Lets everything that waits for nothing go on. */
async function settle(): Promise<void> {
  for (let turn = 0; turn < 20; turn++) await new Promise((resolve) => setTimeout(resolve, 0));
}

Deno.test("Chat answers a repeated CHAT again and shows it once", async () => {
  await using rig = new Rig();
  const messageId = rig.receive("hi");
  rig.receive("hi", { messageId });
  assert.deepEqual(rig.texts(), ["hi"]);
  assert.equal(rig.acks(), 2);
  assert.equal(rig.events.filter(({ kind }) => kind === "message").length, 1);
});

Deno.test("Chat takes nothing for a network that is not of both, from nobody, or malformed", async () => {
  await using rig = new Rig();
  rig.receive("to a network of ours", { networkId: 3 });
  rig.receive("to one of others", { networkId: 4 });
  rig.receive("from nobody", { localSpi: SPI + 1 });
  rig.chat.takeFrame(SPI, INNER_FRAME.chat, new Uint8Array(10));
  rig.chat.takeFrame(SPI, INNER_FRAME.chatAck, new Uint8Array(3));
  assert.deepEqual(rig.texts(), ["to a network of ours"]);
  assert.equal(rig.acks(), 1);
});

Deno.test("Chat leaves a flood unanswered, and goes on later", async () => {
  await using rig = new Rig();
  for (let count = 0; count < 600; count++) rig.receive("x");
  assert.equal(rig.acks(), 500);
  rig.clock.advance(1_000);
  for (let count = 0; count < 30; count++) rig.receive("x");
  assert.equal(rig.acks(), 520);
});

Deno.test("Chat keeps a sealed message once, and acknowledges each delivery of it", async () => {
  await using rig = new Rig();
  await rig.deliver();
  assert.deepEqual(rig.all().map(({ text, verified }) => [text, verified]), [["sealed", true]]);
  assert.deepEqual(rig.requests.map(({ type }) => type), ["messageAck", "messageAck"]);
});

Deno.test("Chat shows as unreadable what a server forged in the name of a pinned peer", async () => {
  await using rig = new Rig();
  rig.told = { ...rig.told, key: server.publicKey };
  await rig.deliver(server);
  assert.deepEqual(rig.texts(), [null]);
});

Deno.test("Chat shows as unreadable what came to a sealed network without its secret", async () => {
  await using rig = new Rig();
  const peerSecret = random.bytes(32);
  rig.secrets.set(3, peerSecret);
  await rig.deliver(bob, null, 3);
  await rig.deliver(bob, { networkId: 3, peerSecret }, 3);
  assert.deepEqual(rig.texts(), [null, "sealed"]);
});

Deno.test("Chat calls a message unverified where only the server vouches for its writer", async () => {
  await using rig = new Rig();
  rig.pin = undefined;
  await rig.deliver();
  assert.deepEqual(rig.all().map(({ verified }) => verified), [false]);
});

Deno.test("Chat seals nothing for a key that a server puts in the place of a pinned one", async () => {
  const forgeries = [
    { key: server.publicKey, messageKey: publishMessageKey(generateMessageKey(random), server, 0n) },
    { key: bob.publicKey, messageKey: publishMessageKey(generateMessageKey(random), server, 0n) },
    { key: bob.publicKey, messageKey: new Uint8Array() },
  ];
  for (const told of forgeries) {
    await using rig = new Rig();
    rig.told = told;
    await rig.write("secret");
    assert.deepEqual(rig.requests, []);
    assert.deepEqual(rig.all()[0]!.deliveries.map(({ state }) => state), ["waiting"]);
  }
});

Deno.test("Chat binds a first message to a network's secret, so that a server's own key opens nothing", async () => {
  await using rig = new Rig();
  const theirs = generateMessageKey(random);
  rig.pin = undefined;
  rig.told = { key: server.publicKey, messageKey: publishMessageKey(theirs, server, 0n) };
  rig.secrets.set(3, random.bytes(32));
  await rig.write("secret");
  const [sent] = rig.requests;
  assert.ok(sent?.type === "messageSend");
  const { networkId, messageId, sealed } = sent;
  const route = { senderKey: ann.publicKey, receiverKey: server.publicKey, networkId, messageId };
  assert.equal(openMessage(route, sealed, { receiver: [theirs], secretOf: () => new Uint8Array(32) }), null);
  const opened = openMessage(route, sealed, { receiver: [theirs], secretOf: (id) => rig.secrets.get(id) ?? null });
  assert.equal(opened?.message, "secret");
});

Deno.test("Chat repeats CHAT, gives up on a silent tunnel after 2.5 s, and uses the server", async () => {
  await using rig = new Rig();
  rig.tunnel = SPI;
  await rig.write("hello");
  for (let step = 0; step < 30; step++) {
    rig.clock.advance(100);
    await settle();
  }
  assert.equal(rig.frames.filter(({ frameType }) => frameType === INNER_FRAME.chat).length, 3);
  assert.deepEqual(rig.requests.map(({ type }) => type), ["messageSend"]);
  assert.deepEqual(rig.all()[0]!.deliveries.map(({ state }) => state), ["stored"]);
});

Deno.test("Chat refuses to write to networks where the plan only lets it read, and still writes to peers", async () => {
  await using rig = new Rig();
  rig.mayWriteToNetworks = false;
  rig.tunnel = SPI;
  const refused = await rig.write("hi", "games");
  assert.ok(refused instanceof ControlError && refused.code === "notPermitted");
  assert.ok(!(await rig.write("hi") instanceof ControlError));
  assert.deepEqual(rig.texts(), ["hi"]);
});

Deno.test("requireText makes one clean line of what was typed", () => {
  assert.equal(requireText(" a\tb\r\nc\u0007\u001b "), "a b c");
  assert.equal(requireText("e\u0301"), "é");
  assert.equal(requireText("x".repeat(1024)).length, 1024);
  for (const text of ["", " \n", "x".repeat(1025), "\u0007"]) {
    assert.throws(() => requireText(text), (error) => error instanceof ControlError && error.code === "invalidMessage");
  }
});
