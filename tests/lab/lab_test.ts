import assert from "node:assert/strict";
import { effectiveUid } from "../../src/ffi/identity_linux.ts";
import { EchoSocket } from "../../src/ffi/icmp_linux.ts";
import { Capture } from "../../src/lab/capture.ts";
import { Internet } from "../../src/lab/internet.ts";
import { Lab, type LabHost } from "../../src/lab/lab.ts";
import { startedAt } from "../../src/lab/owner.ts";
import { needs } from "../support/needs.ts";

if (Deno.build.os === "linux") effectiveUid(); // Opens libc outside of any test: it stays open.

const NAMES_FOLDER = "/run/netns";

function names(): string[] {
  return [...Deno.readDirSync(NAMES_FOLDER)].map((entry) => entry.name);
}

function listen(host: LabHost, hostname: string, port: number): Deno.DatagramConn {
  return host.namespace.run(() => ({ socket: Deno.listenDatagram({ transport: "udp", hostname, port }) })).socket;
}

function ping(host: LabHost, address: string, timeoutMs = 1000): number | null {
  using socket = host.namespace.run(() => new EchoSocket(address, 7));
  return socket.ping(timeoutMs, () => performance.now());
}

Deno.test(needs("Lab.close leaves no process, no namespace and no name", "linux", "netns", "root"), async () => {
  const lab = new Lab();
  const host = lab.addHost("home1");
  const name = lab.systemName(host)!;
  assert(names().includes(name));
  const process = lab.spawn(host, ["sleep", "60"]);
  await lab.close();
  assert.equal(names().includes(name), false);
  assert.equal(process.isRunning, false);
  assert.notEqual(await process.exited, 0);
  await lab.close();
});

Deno.test(needs("Lab.spawn starts a program inside its host and collects what it says", "linux", "netns"), async () => {
  await using lab = new Lab();
  const host = lab.addHost("home1");
  const process = lab.spawn(host, ["sh", "-c", "readlink /proc/self/ns/net; echo bad >&2; printf last; exit 3"]);
  const [line] = await process.waitForLine(/^net:.*/, 5000);
  assert.equal(line, `net:[${host.namespace.id}]`);
  assert.deepEqual(await process.ended, { code: 3, stdout: `${line}\nlast\n`, stderr: "bad\n" });
  await assert.rejects(
    process.waitForLine(/never/, 5000),
    /Cannot find a line like \/never\/ from sh: the process ended/,
  );
});

Deno.test(needs("Lab.close ends what a program started and left behind", "linux", "netns"), async () => {
  const lab = new Lab();
  const process = lab.spawn(lab.addHost("home1"), ["sh", "-c", "sleep 600 & echo $!"]);
  const [pid] = await process.waitForLine(/^\d+$/, 5000);
  assert.equal(await process.exited, 0);
  assert.notEqual(startedAt(Number(pid)), null);
  await lab.close();
  assert.equal(startedAt(Number(pid)), null);
});

Deno.test(needs("LabProcess.waitForLine gives up in time and tells the last lines", "linux", "netns"), async () => {
  await using lab = new Lab();
  const process = lab.spawn(lab.addHost("home1"), ["sh", "-c", "echo one; sleep 60"], { name: "slow" });
  await process.waitForLine(/one/, 5000);
  await assert.rejects(process.waitForLine(/two/, 10), /slow: it did not come in time\none/);
});

/** Makes a laboratory with a process in it, says so and waits to be killed. */
const MAKER = `
import { Lab } from "${new URL("../../src/lab/lab.ts", import.meta.url)}";
const lab = new Lab();
const process = lab.spawn(lab.addHost("stale"), ["sleep", "600"]);
console.log("ready " + process.pid + " " + lab.systemName(lab.addHost("other")));
`;

Deno.test(needs("Lab sweeps away what a killed laboratory left", "linux", "netns", "root"), async () => {
  const script = await Deno.makeTempFile({ suffix: ".ts" });
  try {
    await Deno.writeTextFile(script, MAKER);
    await using lab = new Lab();
    const maker = lab.spawn(lab.addHost("maker"), [Deno.execPath(), "run", "-A", "--no-lock", "--no-check", script]);
    const [, pid, name = ""] = await maker.waitForLine(/^ready (\d+) (.+)$/, 10_000);
    await new Lab().close();
    assert(names().includes(name), "a living laboratory is left alone");
    maker.kill("SIGKILL");
    await maker.ended;
    assert(names().includes(name), "a killed one cannot clean up itself");
    await new Lab().close();
    assert.equal(names().some((entry) => entry === name || entry === name.replace("other", "stale")), false);
    assert.equal(startedAt(Number(pid)), null, "its process is gone");
  } finally {
    await Deno.remove(script);
  }
});

Deno.test(
  needs("Internet.blockUdpBetween stops UDP between two homes and nothing else", "linux", "netns"),
  async () => {
    await using lab = new Lab();
    const internet = new Internet(lab);
    const one = internet.addPublicHost("one");
    const other = internet.addPublicHost("other");
    const third = internet.addPublicHost("third");
    const [oneAddress = "", otherAddress = ""] = [...one.addresses, ...other.addresses];
    const target = listen(other.host, otherAddress, 5000);
    const senders = [one, third].map(({ host, addresses }) => listen(host, addresses[0]!, 6000));
    const to = { transport: "udp" as const, hostname: otherAddress, port: 5000 };
    const next = async () => new TextDecoder().decode((await target.receive())[0]);
    try {
      internet.blockUdpBetween(oneAddress, otherAddress);
      await senders[0]!.send(new TextEncoder().encode("blocked"), to);
      assert.notEqual(ping(one.host, otherAddress), null, "only UDP is blocked");
      await senders[1]!.send(new TextEncoder().encode("third"), to);
      assert.equal(await next(), "third");
      internet.unblock();
      await senders[0]!.send(new TextEncoder().encode("free again"), to);
      assert.equal(await next(), "free again");
    } finally {
      for (const socket of [target, ...senders]) socket.close();
    }
  },
);

Deno.test(needs("EchoSocket measures round trips of both families and notices silence", "linux", "netns"), async () => {
  await using lab = new Lab();
  const [one, other] = [lab.addHost("one"), lab.addHost("other")];
  lab.connect(one, "a", other, "b");
  one.netlink.addAddress(one.netlink.findLink("a")!.index, "10.9.0.1/24");
  other.netlink.addAddress(other.netlink.findLink("b")!.index, "10.9.0.2/24");
  one.netlink.addAddress(one.netlink.findLink("a")!.index, "fd09::1/64");
  other.netlink.addAddress(other.netlink.findLink("b")!.index, "fd09::2/64");
  for (const address of ["10.9.0.2", "fd09::2"]) {
    // The first neighbour solicitation may come before the other end listens; it is repeated after a second.
    const rttMs = ping(one, address, 5000);
    assert(rttMs !== null && rttMs > 0 && rttMs < 5000, `${address}: ${rttMs}`);
  }
  other.netlink.changeLink(other.netlink.findLink("b")!.index, { isUp: false });
  assert.equal(ping(one, "10.9.0.2", 20), null);
  assert.throws(() => new EchoSocket("not an address", 7), TypeError);
});

Deno.test(
  needs("Capture counts the frames that show a text, each once, and loses none", "linux", "netns"),
  async () => {
    await using lab = new Lab();
    const internet = new Internet(lab);
    const server = internet.addPublicHost("server");
    const home = internet.addHome("home1", "PR");
    const target = listen(server.host, server.addresses[0]!, 5000);
    const sender = listen(home.host, "0.0.0.0", 6000);
    const capture = await Capture.start(internet.host, ["SECRET-MARK", "never-sent"]);
    try {
      for (const text of ["SECRET-MARK", "nothing", "a SECRET-MARK b"]) {
        await sender.send(new TextEncoder().encode(text), {
          transport: "udp",
          hostname: server.addresses[0]!,
          port: 5000,
        });
        await target.receive();
      }
    } finally {
      target.close();
      sender.close();
    }
    const { found, lostCount, frameCount, byteCount } = await capture.stop();
    assert.deepEqual(found, { "SECRET-MARK": 2, "never-sent": 0 });
    assert.equal(lostCount, 0);
    assert(frameCount >= 3 && byteCount > 100);
  },
);
