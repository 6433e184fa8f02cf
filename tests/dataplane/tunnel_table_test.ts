import assert from "node:assert/strict";
import { MAX_TUNNELS } from "../../src/dataplane/arena.ts";
import type { Protection } from "../../src/dataplane/protection.ts";
import { Tunnel } from "../../src/dataplane/tunnel.ts";
import { TunnelTable } from "../../src/dataplane/tunnel_table.ts";

function add(table: TunnelTable, localSpi: number, onClose = () => {}): Tunnel {
  const options = { localSpi, remoteSpi: 1, suite: 2, virtualAddress: 7, peerAcceptsPartialChecksum: false } as const;
  const tunnel = new Tunnel(options, { close: onClose } as Protection, table.takePlace());
  table.add(tunnel);
  return tunnel;
}

Deno.test("TunnelTable finds SPIs and addresses above 2^31 by either sign", () => {
  const table = new TunnelTable();
  const tunnel = add(table, 0xfedc_ba98);
  table.route(0xf000_0001, tunnel);
  for (const spi of [0xfedc_ba98, 0xfedc_ba98 | 0]) assert.equal(table.bySpi(spi), tunnel);
  for (const address of [0xf000_0001, 0xf000_0001 | 0]) assert.equal(table.byAddress(address), tunnel);
});

Deno.test("TunnelTable.remove closes the keys, ends the routes and gives the place to the next", () => {
  const table = new TunnelTable();
  let closed = 0;
  add(table, 300);
  const tunnel = add(table, 301, () => closed++);
  for (const address of [1, 2]) table.route(address, tunnel);
  table.remove(tunnel);
  assert.equal(closed, 1);
  assert.deepEqual([table.byAddress(1), table.byAddress(2), table.bySpi(301)], [undefined, undefined, undefined]);
  assert.equal(add(table, 302).place, tunnel.place);
});

Deno.test("TunnelTable.route moves an address to another tunnel, which keeps it when the first one goes", () => {
  const table = new TunnelTable();
  const [one, other] = [add(table, 300), add(table, 301)];
  table.route(1, one);
  table.route(1, other);
  table.remove(one);
  assert.equal(table.byAddress(1), other);
  table.unroute(1);
  table.unroute(1);
  assert.equal(table.byAddress(1), undefined);
});

Deno.test("TunnelTable has a place for each tunnel up to its limit", () => {
  const table = new TunnelTable();
  const places = new Set(Array.from({ length: MAX_TUNNELS }, (_, index) => add(table, 1000 + index).place));
  assert.equal(places.size, MAX_TUNNELS);
  assert.throws(() => add(table, 999), RangeError);
});
