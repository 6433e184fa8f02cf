/**
 * One end of a tunnel with fixed keys: a tunnel device and a data plane, nothing else. Started by dataplane.ts in a namespace.
 * Arguments: role (a or b), device name, UDP port, endpoint of the other end. Prints `ready`, and on the end of its input
 * its counters as JSON.
 */
import { parseEndpoint, parseIpv4 } from "../src/base/ip.ts";
import { startDataPlane } from "../src/dataplane/mod.ts";
import { openTunnelDevice } from "../src/device/mod.ts";

const [role, deviceName, port, peer] = Deno.args;
const endpoint = parseEndpoint(peer ?? "");
if (deviceName === undefined || endpoint === null) throw new Error("Cannot begin: see the file for its arguments");

const isA = role === "a";
const [own, other] = isA ? ["10.98.0.1", "10.98.0.2"] : ["10.98.0.2", "10.98.0.1"];
const [localSpi, remoteSpi] = isA ? [1001, 1002] : [1002, 1001];
const key = (first: number) => new Uint8Array(32).fill(first);
const salt = (first: number) => new Uint8Array(12).fill(first);

const device = openTunnelDevice(deviceName);
const plane = await startDataPlane({ device, port: Number(port) });
plane.onEvent((event) => event.on === "failed" && console.error(event.reason));
plane.setOverlay({
  virtualAddress: parseIpv4(own)!,
  pool: { base: parseIpv4("10.98.0.0")!, bits: 16 },
  prefix6: new Uint8Array(12).fill(0xfd, 0, 1),
});
plane.addTunnel({ localSpi, remoteSpi, suite: 2, virtualAddress: parseIpv4(other)!, peerAcceptsPartialChecksum: true });
const [toA, toB] = [1, 2];
plane.installKeys(localSpi, {
  epoch: 0,
  aead: 1,
  sealKey: key(isA ? toB : toA),
  sealSalt: salt(isA ? toB : toA),
  openKey: key(isA ? toA : toB),
  openSalt: salt(isA ? toA : toB),
  firstSequence: 1,
}, "both");
plane.setPath(localSpi, endpoint);
plane.route(parseIpv4(other)!, localSpi);
console.log("ready", JSON.stringify(plane.aeadCosts));
for await (const _ of Deno.stdin.readable); // until it ends
console.log(JSON.stringify({ counters: await plane.counters(), tunnels: await plane.stats() }));
await plane.stop();
device.close();
