import assert from "node:assert/strict";
import { mappedIpv4 } from "../../src/base/ip.ts";
import { DATAGRAM_MESSAGE_LENGTH, ReceiveMessage, SendMessage } from "../../src/ffi/datagram_message_linux.ts";
import { IoVectors } from "../../src/ffi/io_vectors.ts";
import { BootClock, DatagramPort, Poller, VectorPort } from "../../src/ffi/libc_linux.ts";
import { NativeMemory } from "../../src/ffi/native_memory.ts";
import { closeDescriptor, getSocketOption, waitReadable } from "../../src/ffi/posix_linux.ts";
import { readSocketAddress, socketAddressLength, writeSocketAddress } from "../../src/ffi/socket_address_linux.ts";
import { openSocketPair } from "../../src/ffi/socket_pair_linux.ts";
import { openUdpDescriptor } from "../../src/ffi/udp_linux.ts";
import { needs } from "../support/needs.ts";
import "../support/load_native.ts";

const [EAGAIN, EPIPE] = [11, 32];
const LOCALHOST = mappedIpv4(0x7f000001);

function test(sentence: string, run: () => void): void {
  Deno.test({ ...needs(sentence, "linux"), fn: run });
}

test("VectorPort gathers a message from its vectors and scatters one into them", () => {
  const memory = new NativeMemory(4096);
  const [first, second] = openSocketPair();
  const vectors = new IoVectors(memory, 0, 2);
  const ports = [first, second].map((descriptor) => new VectorPort(memory, descriptor, 0, 0));
  memory.bytes.set([1, 2, 3], 1000);
  memory.bytes.set([4, 5], 2000);
  vectors.set(0, 1000, 3);
  vectors.set(1, 2000, 2);
  assert.equal(ports[0]!.write(2), 5);
  vectors.set(0, 3000, 2);
  vectors.set(1, 3500, 100);
  assert.equal(ports[1]!.read(2), 5);
  assert.deepEqual([...memory.bytes.slice(3000, 3002), ...memory.bytes.slice(3500, 3503)], [1, 2, 3, 4, 5]);
  assert.equal(ports[1]!.read(2), -EAGAIN);
  closeDescriptor(first);
  assert.equal(ports[1]!.write(1), -EPIPE);
  closeDescriptor(second);
});

test("DatagramPort sends a train that another socket receives as one", () => {
  const memory = new NativeMemory(8192);
  const sender = openUdpDescriptor(0);
  const receiver = openUdpDescriptor(0);
  const nameLength = socketAddressLength(receiver.family);
  const sendAt = 0;
  const receiveAt = Math.ceil(DATAGRAM_MESSAGE_LENGTH / 8) * 8;
  const send = new SendMessage(memory, sendAt, nameLength);
  const receive = new ReceiveMessage(memory, receiveAt, nameLength);
  writeSocketAddress(memory.view, 1000, { address: LOCALHOST, port: receiver.port }, sender.family);
  memory.bytes.set([1, 1, 1, 2, 2, 2, 3, 3], 2000);
  send.set(2000, 8, 3, 1000);
  assert.equal(new DatagramPort(memory, sender.descriptor, receiveAt, sendAt).send(), 8);
  assert.ok(waitReadable(receiver.descriptor, 2000));
  receive.arm(4000, 4096);
  const port = new DatagramPort(memory, receiver.descriptor, receiveAt, sendAt);
  assert.equal(port.receive(), 8);
  assert.equal(receive.segmentLength(8), 3);
  assert.deepEqual([...memory.bytes.slice(4000, 4008)], [1, 1, 1, 2, 2, 2, 3, 3]);
  const from = readSocketAddress(memory.view, receive.addressAt, receiver.family);
  assert.deepEqual(from, { address: LOCALHOST, port: sender.port });
  receive.arm(4000, 4096);
  assert.equal(port.receive(), -EAGAIN);
  for (const { descriptor } of [sender, receiver]) closeDescriptor(descriptor);
});

test("Poller says which descriptors have something, and waits no longer than it is told", () => {
  const memory = new NativeMemory(4096);
  const pairs = [openSocketPair(), openSocketPair()];
  const poller = new Poller(memory, 64, pairs.map(([first]) => first));
  assert.equal(poller.wait(0), 0);
  new IoVectors(memory, 1024, 1).set(0, 2000, 1);
  new VectorPort(memory, pairs[1]![1], 1024, 1024).write(1);
  assert.equal(poller.wait(1000), 1);
  assert.equal(poller.indexAt(0), 1);
  closeDescriptor(pairs[0]![1]);
  assert.equal(poller.wait(1000), 2, "the end of one is an event, too");
  for (const descriptor of [poller.descriptor, pairs[0]![0], ...pairs[1]!]) closeDescriptor(descriptor);
});

test("BootClock counts milliseconds since the machine started", () => {
  const clock = new BootClock(new NativeMemory(64), 0);
  const first = clock.now();
  const uptimeMs = Number(Deno.readTextFileSync("/proc/uptime").split(" ")[0]) * 1000;
  assert.ok(Math.abs(first - uptimeMs) < 1000, `${first} and ${uptimeMs}`);
  let now = clock.now();
  while (now === first) now = clock.now();
  assert.ok(now > first && now - first < 1000);
});

test("openUdpDescriptor makes a socket that never fragments, of both families, that joins what it receives", () => {
  const { descriptor, family, hasSegmentation } = openUdpDescriptor(0);
  const option = (level: number, name: number) =>
    new DataView(getSocketOption(descriptor, level, name, 4).buffer).getInt32(0, true);
  const [PROBE, IP, IPV6, UDP] = [3, 0, 41, 17];
  assert.equal(option(IP, 10), PROBE, "IP_MTU_DISCOVER");
  if (family === "dual") {
    assert.equal(option(IPV6, 23), PROBE, "IPV6_MTU_DISCOVER");
    assert.equal(option(IPV6, 62), 1, "IPV6_DONTFRAG");
    assert.equal(option(IPV6, 26), 0, "IPV6_V6ONLY");
  }
  assert.equal(option(UDP, 104), 1, "UDP_GRO");
  assert.equal(hasSegmentation, true);
  closeDescriptor(descriptor);
});

test("openUdpDescriptor refuses a port that is taken", () => {
  const { descriptor, port } = openUdpDescriptor(0);
  assert.throws(() => openUdpDescriptor(port), { name: "SystemError", code: "EADDRINUSE" });
  closeDescriptor(descriptor);
});
