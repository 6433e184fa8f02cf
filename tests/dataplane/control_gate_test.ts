import assert from "node:assert/strict";
import type { Endpoint } from "../../src/base/ip.ts";
import { ControlGate } from "../../src/dataplane/control_gate.ts";
import { writeSocketAddress } from "../../src/ffi/socket_address_linux.ts";
import { endpoint } from "../support/core_world.ts";
import "../support/load_native.ts";

function passed(gate: ControlGate, from: Endpoint, now: number, count: number, waiting = 0): number {
  const view = new DataView(new ArrayBuffer(64));
  writeSocketAddress(view, 0, from, "dual");
  let passed = 0;
  for (let index = 0; index < count; index++) if (gate.passes(view, 0, waiting, now)) passed++;
  return passed;
}

function noteSent(gate: ControlGate, to: Endpoint, now: number): void {
  const view = new DataView(new ArrayBuffer(64));
  writeSocketAddress(view, 0, to, "dual");
  gate.noteSent(view, 0, now);
}

function ipv6(last: number): Endpoint {
  const address = new Uint8Array(16);
  address.set([0x20, 1, 0xd, 0xb8, 0, 0, 0, 1]);
  address[15] = last;
  return { address, port: 1 };
}

Deno.test("ControlGate lets a stranger pass 32 times at once and 64 times a second", () => {
  const gate = new ControlGate(1);
  assert.equal(passed(gate, endpoint(1), 0, 1000), 32);
  assert.equal(passed(gate, endpoint(1), 250, 1000), 16);
  assert.equal(passed(gate, endpoint(1), 100_000, 1000), 32);
});

Deno.test("ControlGate counts per address, whatever the port, and per /64 of IPv6", () => {
  const gate = new ControlGate(2);
  assert.equal(passed(gate, endpoint(1, 1000), 0, 1000), 32);
  assert.equal(passed(gate, endpoint(1, 2000), 0, 1000), 0);
  assert.equal(passed(gate, endpoint(2, 1000), 0, 1000), 32);
  assert.equal(passed(gate, ipv6(1), 0, 1000), 32);
  assert.equal(passed(gate, ipv6(2), 0, 1000), 0);
});

Deno.test("ControlGate lets more pass from where something was sent in the last minute", () => {
  const gate = new ControlGate(3);
  noteSent(gate, endpoint(1), 0);
  assert.equal(passed(gate, endpoint(1), 0, 1000), 256);
  assert.equal(passed(gate, endpoint(1), 59_999, 1000), 256);
  assert.equal(passed(gate, endpoint(1), 61_000, 1000), 32);
});

Deno.test("ControlGate lets nobody pass when too much waits, strangers sooner than others", () => {
  const gate = new ControlGate(4);
  noteSent(gate, endpoint(1), 0);
  assert.equal(passed(gate, endpoint(1), 0, 1, 511), 1);
  assert.equal(passed(gate, endpoint(1), 0, 1, 512), 0);
  assert.equal(passed(gate, endpoint(2), 0, 1, 255), 1);
  assert.equal(passed(gate, endpoint(2), 0, 1, 256), 0);
});

Deno.test("ControlGate knows an address for a minute, through 100,000 forged ones", () => {
  const gate = new ControlGate(5);
  noteSent(gate, endpoint(1), 0);
  for (let host = 0; host < 100_000; host++) passed(gate, endpoint(2 + host), host / 10, 1);
  assert.equal(passed(gate, endpoint(1), 10_000, 1000), 256);
});
