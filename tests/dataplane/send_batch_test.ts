import assert from "node:assert/strict";
import { createArena, SEND_MESSAGE_AT, SLOTS_AT } from "../../src/dataplane/arena.ts";
import type { Protection } from "../../src/dataplane/protection.ts";
import { SendBatch } from "../../src/dataplane/send_batch.ts";
import { Tally } from "../../src/dataplane/tally.ts";
import { Tunnel } from "../../src/dataplane/tunnel.ts";
import { SendMessage } from "../../src/ffi/datagram_message_linux.ts";
import { ArraySocket } from "../support/arena_ports.ts";
import { endpoint } from "../support/core_world.ts";
import "../support/load_native.ts";

const EIO = 5;

class Bench {
  readonly memory = createArena();
  readonly socket = new ArraySocket(this.memory);
  readonly tally = new Tally();
  readonly batch: SendBatch;
  readonly tunnels: Tunnel[];
  #next = 0;

  constructor(canSegment = true) {
    this.batch = new SendBatch(new SendMessage(this.memory, SEND_MESSAGE_AT, 28), this.socket, this.tally, canSegment);
    this.tunnels = [0, 1].map((place) => {
      const options = {
        localSpi: 300,
        remoteSpi: 400,
        suite: 2 as const,
        virtualAddress: 1,
        peerAcceptsPartialChecksum: true,
      };
      const tunnel = new Tunnel(options, {} as Protection, place);
      tunnel.setPath(this.memory.view, endpoint(10 + place), "dual");
      return tunnel;
    });
  }

  /** Adds a datagram behind the last one, or where the batch wants it. */
  add(length: number, tunnel = 0, isContiguous = true): void {
    const wanted = this.batch.nextAt();
    const at = isContiguous ? wanted : wanted + 64;
    this.memory.bytes.fill(++this.#next, at, at + length);
    this.batch.add(this.tunnels[tunnel]!, at, length);
  }

  /** Lengths of the datagrams of each send. */
  sends(): number[][] {
    this.batch.flush();
    return this.socket.sent.map(({ datagrams }) => datagrams.map(({ length }) => length));
  }
}

Deno.test("SendBatch joins datagrams of one length, of which the last may be shorter", () => {
  const bench = new Bench();
  for (const length of [100, 100, 100, 40, 100, 100, 120, 120]) bench.add(length);
  assert.deepEqual(bench.sends(), [[100, 100, 100, 40], [100, 100], [120, 120]]);
  const contents = bench.socket.sent.flatMap(({ datagrams }) => datagrams.map((datagram) => new Set(datagram)));
  assert.deepEqual(contents, [1, 2, 3, 4, 5, 6, 7, 8].map((byte) => new Set([byte])));
});

Deno.test("SendBatch keeps datagrams of different tunnels apart, each to its own path", () => {
  const bench = new Bench();
  for (const tunnel of [0, 0, 1, 0]) bench.add(50, tunnel);
  assert.deepEqual(bench.sends(), [[50, 50], [50], [50]]);
  assert.deepEqual(bench.socket.sent.map(({ to }) => to), [endpoint(10), endpoint(11), endpoint(10)]);
});

Deno.test("SendBatch does not join what does not lie behind the rest", () => {
  const bench = new Bench();
  bench.add(50);
  bench.add(50, 0, false);
  assert.deepEqual(bench.sends(), [[50], [50]]);
});

Deno.test("SendBatch sends at most 64 datagrams and 65,507 bytes at once", () => {
  const small = new Bench();
  for (let count = 0; count < 130; count++) small.add(60);
  assert.deepEqual(small.sends().map(({ length }) => length), [64, 64, 2]);
  const large = new Bench();
  for (let count = 0; count < 50; count++) large.add(1429);
  assert.deepEqual(large.sends().map(({ length }) => length), [45, 5]);
});

Deno.test("SendBatch begins anew where its memory begins, once all is sent", () => {
  const bench = new Bench();
  bench.add(1000);
  assert.equal(bench.batch.nextAt(), SLOTS_AT + 1000);
  bench.batch.flush();
  assert.equal(bench.batch.nextAt(), SLOTS_AT);
});

Deno.test("SendBatch sends one by one, and for good, where the way out cannot segment (EIO)", () => {
  const bench = new Bench();
  bench.socket.sendErrors.push(-EIO);
  for (let count = 0; count < 3; count++) bench.add(100);
  assert.deepEqual(bench.sends(), [[100], [100], [100]]);
  for (let count = 0; count < 2; count++) bench.add(100);
  assert.deepEqual(bench.sends().slice(3), [[100], [100]]);
  assert.equal(bench.tally.counters().drops.sendFailed, 0);
});

Deno.test("SendBatch never makes trains for a kernel that cannot segment", () => {
  const bench = new Bench(false);
  for (const length of [100, 100, 30]) bench.add(length);
  assert.deepEqual(bench.sends(), [[100], [100], [30]]);
});

Deno.test("SendBatch finds out which datagrams of a train are too long, counts them and carries on", () => {
  const bench = new Bench();
  bench.socket.maxLength = 80;
  for (const length of [100, 100, 60]) bench.add(length);
  assert.deepEqual(bench.sends(), [[60]]);
  assert.equal(bench.tally.counters().drops.tooLong, 2);
  for (const length of [70, 70]) bench.add(length);
  assert.deepEqual(bench.sends().slice(1), [[70, 70]], "trains again");
});

Deno.test("SendBatch counts what the system does not take", () => {
  const bench = new Bench();
  bench.socket.sendErrors.push(-11);
  for (const length of [100, 100]) bench.add(length);
  assert.deepEqual(bench.sends(), []);
  assert.equal(bench.tally.counters().drops.sendFailed, 2);
  assert.equal(bench.tally.counters().datagramsSent, 0);
});
