import assert from "node:assert/strict";
import fc from "fast-check";
import { type ChatMessage, ChatStore, MAX_WAITING_DELIVERIES } from "../../../src/engine/chat/chat_store.ts";

const OWN = 7;
const PEER = 8;

function idOf(number: number): Uint8Array {
  const id = new Uint8Array(16);
  new DataView(id.buffer).setUint32(0, number);
  return id;
}

function message(number: number, changes: Partial<ChatMessage> = {}): ChatMessage {
  return {
    senderId: PEER,
    messageId: idOf(number),
    networkId: 0,
    receiverId: OWN,
    names: { sender: "bob", receiver: "ann", network: "" },
    text: `message ${number}`,
    sentAtMs: 1_700_000_000_000 + number,
    isVerified: true,
    ...changes,
  };
}

const own = (number: number, changes: Partial<ChatMessage> = {}) =>
  message(number, { senderId: OWN, receiverId: PEER, ...changes });
const to = (receiverId: number) => ({ receiverId, nick: "bob", operation: idOf(receiverId).slice(0, 8) });
const ALL = { isUnreadOnly: false, with: null, limit: 100_000 };

function withStore(run: (store: ChatStore, reopen: () => ChatStore) => void): void {
  const folder = Deno.makeTempDirSync({ prefix: "buri-chat-" });
  const open = () => new ChatStore(`${folder}/chat.sqlite`, () => OWN);
  let store = open();
  try {
    run(store, () => {
      store.close();
      return store = open();
    });
  } finally {
    store.close();
    Deno.removeSync(folder, { recursive: true });
  }
}

Deno.test("ChatStore keeps a message once per sender and id, over a restart", () => {
  withStore((store, reopen) => {
    assert.equal(store.addIncoming(message(1)), true);
    assert.equal(store.addIncoming(message(1, { text: "another text" })), false);
    assert.equal(store.addIncoming(message(1, { senderId: 9 })), true);
    store = reopen();
    assert.equal(store.addIncoming(message(1)), false);
    assert.equal(store.has(PEER, idOf(1)), true);
    assert.equal(store.has(PEER, idOf(2)), false);
    assert.deepEqual(store.list(ALL).map(({ text, senderId }) => [text, senderId]), [
      ["message 1", PEER],
      ["message 1", 9],
    ]);
    const { row: _, isRead: __, deliveries: ___, ...kept } = store.find(PEER, idOf(1))!;
    assert.deepEqual(kept, message(1));
  });
});

Deno.test("ChatStore gives what waits to each receiver in order of writing, until it is settled, over a restart", () => {
  withStore((store, reopen) => {
    for (const number of [1, 2]) store.addOutgoing(own(number, { networkId: 3, receiverId: 0 }), [to(PEER), to(9)]);
    assert.deepEqual(store.waitingReceivers(), [PEER, 9]);
    const first = store.nextWaiting(PEER)!;
    assert.deepEqual([first.message, first.operation], [own(1, { networkId: 3, receiverId: 0 }), to(PEER).operation]);
    store.settle(first.row, PEER, "waiting", "busy");
    assert.equal(store.nextWaiting(PEER)!.row, first.row);
    store.settle(first.row, PEER, "delivered", null);
    store = reopen();
    assert.equal(store.nextWaiting(PEER)!.message.text, "message 2");
    assert.equal(store.nextWaiting(9)!.message.text, "message 1");
    store.settle(store.nextWaiting(PEER)!.row, PEER, "stored", null);
    assert.equal(store.nextWaiting(PEER), null);
    assert.deepEqual(store.find(OWN, idOf(1))!.deliveries.map(({ receiverId, state }) => [receiverId, state]), [
      [PEER, "delivered"],
      [9, "waiting"],
    ]);
  });
});

Deno.test("ChatStore shows what is unread until it is marked, and conversations apart", () => {
  withStore((store) => {
    store.addIncoming(message(1));
    store.addIncoming(message(2, { networkId: 3, receiverId: 0 }));
    store.addOutgoing(own(3), [to(PEER)]);
    const texts = (query: Partial<typeof ALL> | { with: { clientId: number } | { networkId: number } }) =>
      store.list({ ...ALL, ...query }).map(({ text }) => text);
    assert.deepEqual(texts({ isUnreadOnly: true }), ["message 1", "message 2"]);
    assert.deepEqual(texts({ with: { clientId: PEER } }), ["message 1", "message 3"]);
    assert.deepEqual(texts({ with: { networkId: 3 } }), ["message 2"]);
    assert.deepEqual(texts({ limit: 1 }), ["message 3"]);
    store.markRead([store.find(PEER, idOf(1))!.row]);
    assert.deepEqual(texts({ isUnreadOnly: true }), ["message 2"]);
  });
});

Deno.test("ChatStore refuses more than may wait, whole", () => {
  withStore((store) => {
    const many = Array.from({ length: MAX_WAITING_DELIVERIES }, (_, at) => to(100 + at));
    assert.equal(store.addOutgoing(own(1), many.slice(1)), true);
    assert.equal(store.addOutgoing(own(2), many.slice(0, 2)), false);
    assert.equal(store.has(OWN, idOf(2)), false);
    assert.equal(store.addOutgoing(own(2), many.slice(0, 1)), true);
  });
});

Deno.test("ChatStore refuses a damaged file and leaves it as it is", () => {
  const path = Deno.makeTempFileSync({ prefix: "buri-chat-" });
  Deno.writeTextFileSync(path, "not a database, but long enough to be one".repeat(100));
  const before = Deno.readTextFileSync(path);
  assert.throws(() => new ChatStore(path, () => OWN));
  assert.equal(Deno.readTextFileSync(path), before);
  Deno.removeSync(path);
});

Deno.test("ChatStore behaves like a set of messages with a queue for each receiver", () => {
  const step = fc.oneof(
    fc.record({ do: fc.constant("receive" as const), number: fc.nat(5), sender: fc.constantFrom(PEER, 9) }),
    fc.record({ do: fc.constant("write" as const), receivers: fc.subarray([PEER, 9]) }),
    fc.record({ do: fc.constant("settle" as const), receiver: fc.constantFrom(PEER, 9) }),
    fc.record({ do: fc.constant("restart" as const) }),
  );
  fc.assert(
    fc.property(fc.array(step, { maxLength: 25 }), (steps) =>
      withStore((store, reopen) => {
        const seen = new Set<string>();
        const queues = new Map<number, number[]>([[PEER, []], [9, []]]);
        let written = 1000;
        for (const each of steps) {
          if (each.do === "receive") {
            const isNew = !seen.has(`${each.sender} ${each.number}`);
            assert.equal(store.addIncoming(message(each.number, { senderId: each.sender })), isNew);
            seen.add(`${each.sender} ${each.number}`);
          } else if (each.do === "write") {
            store.addOutgoing(own(++written), each.receivers.map(to));
            for (const receiver of each.receivers) queues.get(receiver)!.push(written);
          } else if (each.do === "settle") {
            const waiting = store.nextWaiting(each.receiver);
            const expected = queues.get(each.receiver)!.shift();
            assert.equal(waiting?.message.text, expected === undefined ? undefined : `message ${expected}`);
            if (waiting !== null) store.settle(waiting.row, each.receiver, "delivered", null);
          } else store = reopen();
        }
        assert.equal(store.list({ ...ALL, isUnreadOnly: true }).length, seen.size);
      })),
    { numRuns: 25 },
  );
});
