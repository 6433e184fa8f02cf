/**
 * One end of a tunnel with fixed keys: a tunnel device and a data plane, nothing else. Started by dataplane.ts in a namespace.
 * Arguments: role (a or b), UDP port, endpoint of the other end. Prints `ready`, and at SIGTERM its counters as JSON.
 */
import { formatIpv4, parseEndpoint } from "../src/base/ip.ts";
import { startDataPlane } from "../src/dataplane/mod.ts";
import { openTunnelDevice } from "../src/device/mod.ts";
import { RouteNetlink } from "../src/ffi/rtnetlink_linux.ts";

const POOL = { base: 0x0a620000, bits: 16 };

const [role, port, peer = ""] = Deno.args;
const endpoint = parseEndpoint(peer);
if (endpoint === null) throw new Error("Cannot begin: the third argument is an endpoint");
const isA = role === "a";
const [own, other] = isA ? [POOL.base + 1, POOL.base + 2] : [POOL.base + 2, POOL.base + 1];
const [localSpi, remoteSpi] = isA ? [1001, 1002] : [1002, 1001];
const [sealWith, openWith] = isA ? [1, 2] : [2, 1];

const device = openTunnelDevice();
const plane = await startDataPlane({ device, port: Number(port) });
plane.onEvent((event) => event.on === "failed" && console.error(event.reason));
plane.setOverlay({ virtualAddress: own, pool: POOL, prefix6: new Uint8Array(12).fill(0xfd, 0, 1) });
plane.addTunnel({ localSpi, remoteSpi, suite: 2, virtualAddress: other, peerAcceptsPartialChecksum: true });
plane.installKeys(localSpi, {
  epoch: 0,
  aead: 1,
  isPlain: false,
  sealKey: new Uint8Array(32).fill(sealWith),
  sealSalt: new Uint8Array(12).fill(sealWith),
  openKey: new Uint8Array(32).fill(openWith),
  openSalt: new Uint8Array(12).fill(openWith),
  firstSequence: 1,
}, "both");
plane.setPath(localSpi, endpoint);
plane.route(other, localSpi);

using netlink = new RouteNetlink();
const { index } = netlink.findLink(device.name)!;
netlink.addAddress(index, `${formatIpv4(own)}/${POOL.bits}`);
// 45 segments of 1,348 bytes fill one send; without the limit TCP makes 48 of them, which need two.
netlink.changeLink(index, { mtu: 1400, gsoMaxSize: 61_000, txQueueLength: 1000, isUp: true });

Deno.addSignalListener("SIGTERM", async () => {
  console.log(JSON.stringify({ counters: await plane.counters(), tunnels: await plane.stats() }));
  await plane.stop();
  device.close();
  Deno.exit(0);
});
console.log("ready");
