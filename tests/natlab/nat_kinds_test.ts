import assert from "node:assert/strict";
import { effectiveUid } from "../../src/ffi/identity_linux.ts";
import { Internet } from "../../src/lab/internet.ts";
import { Lab, type LabHost } from "../../src/lab/lab.ts";
import { NAT_KINDS, type NatKindId, needsNftProgram } from "../../src/lab/nat_kinds.ts";
import { type Need, needs } from "../support/needs.ts";
import { probeBehaviour } from "./behaviour_probe.ts";

if (Deno.build.os === "linux") effectiveUid(); // Opens libc outside of any test: it stays open.

/** Tries to connect over TCP from inside a namespace. */
const CONNECT = `
const ports = Deno.args.slice(1).map(Number);
const results = await Promise.all(ports.map(async (port) => {
  const signal = AbortSignal.timeout(2000);
  try { (await Deno.connect({ hostname: Deno.args[0], port, signal })).close(); return true; } catch { return false; }
}));
console.log(JSON.stringify(results));
`;

/** Which of `ports` of a public address can be reached by TCP from `inside`. */
async function reachableTcp(lab: Lab, inside: LabHost, outside: LabHost, address: string, ports: number[]) {
  const listeners = outside.namespace.run(() => ({
    all: ports.map((port) => Deno.listen({ hostname: address, port })),
  })).all;
  const script = await Deno.makeTempFile({ suffix: ".js" });
  try {
    await Deno.writeTextFile(script, CONNECT);
    const args = ["run", "-A", "--no-lock", script, address, ...ports.map(String)];
    const { stdout, stderr } = await lab.spawn(inside, [Deno.execPath(), ...args]).ended;
    assert.notEqual(stdout, "", stderr);
    const results: boolean[] = JSON.parse(stdout);
    return ports.filter((_, index) => results[index]);
  } finally {
    for (const listener of listeners) listener.close();
    await Deno.remove(script);
  }
}

for (const [id, kind] of Object.entries(NAT_KINDS) as [NatKindId, typeof NAT_KINDS[NatKindId]][]) {
  const parts: [Need, ...Need[]] = needsNftProgram(kind) ? ["linux", "netns", "nft"] : ["linux", "netns"];
  Deno.test(needs(`NAT_KINDS.${id} behaves as it says: ${kind.title}`, ...parts), async () => {
    await using lab = new Lab();
    const internet = new Internet(lab);
    const server = internet.addPublicHost("server", 2);
    const home = internet.addHome("home1", id);
    const [first = "", second = ""] = server.addresses;
    const places = { inside: home.host, outside: server.host, addresses: [first, second] as [string, string] };
    const { mapping, filtering, ports, hairpin, tcp } = kind;
    assert.deepEqual(await probeBehaviour(places), { mapping, filtering, ports, hairpin });
    const reached = await reachableTcp(lab, home.host, server.host, first, [80, 443]);
    assert.deepEqual(reached, tcp === "all" ? [80, 443] : tcp);
  });
}

Deno.test(needs("NAT_KINDS.PR keeps the port after an early probe from outside", "linux", "netns"), async () => {
  await using lab = new Lab();
  const internet = new Internet(lab);
  const server = internet.addPublicHost("server");
  const home = internet.addHome("home1", "PR");
  const open = (host: LabHost, port: number) =>
    host.namespace.run(() => ({ socket: Deno.listenDatagram({ transport: "udp", hostname: "0.0.0.0", port }) })).socket;
  const outside = open(server.host, 5000);
  const inside = open(home.host, 41000);
  try {
    const early = { transport: "udp" as const, hostname: home.publicAddress, port: 41000 };
    await outside.send(new TextEncoder().encode("too early"), early);
    await inside.send(new TextEncoder().encode("hello"), {
      transport: "udp",
      hostname: server.addresses[0]!,
      port: 5000,
    });
    const [, from] = await outside.receive();
    assert.equal((from as Deno.NetAddr).port, 41000);
  } finally {
    outside.close();
    inside.close();
  }
});
