/** Extra sockets, with which an end behind a NAT of many ports is found (PROTOCOL.md section 11.2). */
import "../support/load_native.ts";
import assert from "node:assert/strict";
import { INNER_FRAME } from "../../src/protocol/inner_frames.ts";
import { MAX_EXTRA_SOCKETS } from "../../src/dataplane/extra_sockets.ts";
import { deviceMessage } from "../support/arena_ports.ts";
import { A, B, CoreWorld, endpoint, ENDPOINT_B, SPI_A, SPI_B } from "../support/core_world.ts";
import { buildPacket } from "../support/packets.ts";

/** Where A sees B once B's guess has come through. */
const FOUND = endpoint(2, 41_234);
const { keepalive, probe } = INNER_FRAME;
const EMPTY = new Uint8Array();

/** A datagram that B sends anywhere. */
function fromB(world: CoreWorld): Uint8Array {
  world.b.do({ do: "sendFrame", localSpi: SPI_B, endpoint: null, frameType: keepalive, payload: EMPTY });
  return world.b.takeSent()[0]!;
}

Deno.test("searchFrame sends a datagram of its own from each socket of the search", () => {
  const world = new CoreWorld();
  world.a.do(
    { do: "openSearch", count: 3 },
    { do: "searchFrame", localSpi: SPI_A, endpoint: ENDPOINT_B, frameType: keepalive, payload: EMPTY },
  );
  const sent = world.a.extra.map((socket) => socket!.sent.splice(0));
  assert.deepEqual(sent.map((trains) => trains.map(({ to }) => to)), [[ENDPOINT_B], [ENDPOINT_B], [ENDPOINT_B]]);
  assert.equal(new Set(sent.map(([train]) => String(train!.datagrams[0]))).size, 3);
  assert.equal(world.a.socket.sent.length, 0);
});

Deno.test("searchDatagram sends from the socket that is named, and from none that is not there", () => {
  const world = new CoreWorld();
  const bytes = Uint8Array.of(0, 0, 0, 0, 1);
  world.a.do(
    { do: "openSearch", count: 2 },
    { do: "searchDatagram", socket: 1, endpoint: ENDPOINT_B, bytes },
    { do: "searchDatagram", socket: 2, endpoint: ENDPOINT_B, bytes },
  );
  assert.deepEqual(world.a.extra.map((socket) => socket!.sent.length), [0, 1]);
});

Deno.test("a tunnel sends from the extra socket on which its peer was heard, but only to where it was heard", () => {
  const world = new CoreWorld();
  world.a.do({ do: "openSearch", count: 2 });
  world.a.receiveAside(1, FOUND, fromB(world));
  assert.deepEqual(world.a.told("roamed").map(({ from }) => from), [FOUND]);
  world.sendFrame(probe, new Uint8Array(8), FOUND);
  assert.equal(world.a.extra[1]!.sent.length, 1);
  world.sendFrame(probe, new Uint8Array(8));
  assert.equal(world.a.socket.sent.length, 1);
  world.a.do({ do: "setPath", localSpi: SPI_A, endpoint: FOUND });
  world.sendNumber(7);
  assert.equal(world.a.extra[1]!.sent.length, 2);
  assert.deepEqual([world.a.extra[0]!.sent.length, world.a.socket.sent.length], [0, 1]);
  world.b.receive(FOUND, world.a.extra[1]!.sent.splice(0).flatMap(({ datagrams }) => datagrams));
  assert.deepEqual(world.b.numbersWritten(), [7]);
});

Deno.test("a probe is answered from the extra socket on which it came", () => {
  const world = new CoreWorld();
  world.a.do({ do: "openSearch", count: 2 });
  const payload = new Uint8Array(8);
  world.b.do({ do: "sendFrame", localSpi: SPI_B, endpoint: null, frameType: probe, payload });
  world.a.receiveAside(0, FOUND, world.b.takeSent()[0]!);
  assert.deepEqual(world.a.extra.map((socket) => socket!.sent.map(({ to }) => to)), [[FOUND], []]);
});

Deno.test("a datagram that is not authentic gives a tunnel no socket", () => {
  const world = new CoreWorld();
  world.a.do({ do: "openSearch", count: 1 });
  const forged = fromB(world);
  forged[forged.length - 1]! ^= 1;
  world.a.receiveAside(0, FOUND, forged);
  world.a.do({ do: "closeSearch" });
  assert.equal(world.a.extra[0], undefined);
  assert.deepEqual(world.a.told("roamed"), []);
});

Deno.test("closeSearch leaves a tunnel its socket, dropOwnSocket and the tunnel's end take it away", () => {
  for (const end of ["dropOwnSocket", "removeTunnel"] as const) {
    const world = new CoreWorld();
    world.a.do({ do: "openSearch", count: 3 });
    world.a.receiveAside(2, FOUND, fromB(world));
    world.a.do({ do: "closeSearch" });
    assert.deepEqual(world.a.extra.map((socket) => socket !== undefined), [false, false, true]);
    world.a.do({ do: end, localSpi: SPI_A });
    assert.equal(world.a.extra[2], undefined);
  }
});

Deno.test("a tunnel without its own socket sends along its path from that of all tunnels again", () => {
  const world = new CoreWorld();
  world.a.do({ do: "openSearch", count: 1 });
  world.a.receiveAside(0, FOUND, fromB(world));
  world.a.do({ do: "setPath", localSpi: SPI_A, endpoint: FOUND }, { do: "dropOwnSocket", localSpi: SPI_A });
  world.sendNumber(1);
  assert.deepEqual(world.a.socket.sent.map(({ to }) => to), [FOUND]);
});

Deno.test("openSearch opens no more sockets than are good for a router, and closes those of the search before", () => {
  const world = new CoreWorld();
  world.a.do({ do: "openSearch", count: 5000 });
  assert.equal(world.a.extra.filter((socket) => socket !== undefined).length, MAX_EXTRA_SOCKETS);
  world.a.do({ do: "openSearch", count: 2 });
  assert.equal(world.a.extra.filter((socket) => socket !== undefined).length, 2);
});

Deno.test("packets come in on an extra socket as on the other", () => {
  const world = new CoreWorld();
  world.a.do({ do: "openSearch", count: 1 });
  const packet = buildPacket({ source: B, destination: A, protocol: "udp", payload: Uint8Array.of(0, 9) });
  world.b.device.toRead.push(deviceMessage(packet));
  world.b.readDevice();
  world.a.receiveAside(0, FOUND, world.b.takeSent()[0]!);
  assert.deepEqual(world.a.numbersWritten(), [9]);
});
