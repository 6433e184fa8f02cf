import assert from "node:assert/strict";
import { seededRandom } from "../../src/base/random.ts";
import { openNetworkConfiguration } from "../../src/device/addresses.ts";
import { effectiveUid } from "../../src/ffi/identity_linux.ts";
import { NetworkNamespace } from "../../src/ffi/network_namespace_linux.ts";
import { RouteNetlink } from "../../src/ffi/rtnetlink_linux.ts";
import { needs } from "../support/needs.ts";

if (Deno.build.os === "linux") effectiveUid(); // Opens libc outside of any test: it stays open.

const SETTINGS = { name: "a", address4: "10.77.1.2/16", address6: "fd77::a4d:102/96", mtu: 1400 };

interface World {
  namespace: NetworkNamespace;
  journalPath: string;
  /** Everything a change could leave behind, as text. */
  look: () => string;
}

/** A namespace with a device `a` that was there before us and survives us, and a folder for the journal. */
async function withWorld(test: (world: World) => void | Promise<void>): Promise<void> {
  using namespace = NetworkNamespace.create();
  using netlink = namespace.run(() => new RouteNetlink());
  netlink.addVeth("a", "b", namespace.descriptor);
  netlink.changeLink(netlink.findLink("b")!.index, { isUp: true });
  const folder = await Deno.makeTempDir();
  const look = () => {
    const { isUp, mtu, txQueueLength, gsoMaxSize, index } = netlink.findLink("a")!;
    const own = (entry: { linkIndex: number | null }) => entry.linkIndex === index;
    const addresses = netlink.addresses().filter(own).map((entry) => entry.address);
    const routes = netlink.routes().filter(own).map((entry) => entry.destination);
    return JSON.stringify({ isUp, mtu, txQueueLength, gsoMaxSize, addresses, routes });
  };
  try {
    await test({ namespace, journalPath: `${folder}/journal`, look });
    assert.deepEqual([...Deno.readDirSync(folder)], [], "the journal is gone when nothing is pending");
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

Deno.test(
  needs("configureDevice sets a device up and undo puts everything back", "linux", "netns"),
  () =>
    withWorld(({ namespace, journalPath, look }) => {
      const before = look();
      const configuration = namespace.run(() => openNetworkConfiguration(journalPath));
      assert.deepEqual(configuration.configureDevice(SETTINGS), []);
      configuration.addRoute({ device: "a", destination: "10.99.0.0/16", gateway: "10.77.0.1" });
      const { isUp, mtu, txQueueLength, gsoMaxSize, addresses, routes } = JSON.parse(look());
      assert.deepEqual([isUp, mtu, txQueueLength, gsoMaxSize], [true, 1400, 1500, 61000]);
      assert(addresses.includes("10.77.1.2") && addresses.includes("fd77::a4d:102"), addresses);
      assert(routes.includes("10.77.0.0/16") && routes.includes("10.99.0.0/16"), routes);
      assert.deepEqual(configuration.routes().filter(({ destination }) => destination === "10.99.0.0/16"), [
        { device: "a", destination: "10.99.0.0/16" },
      ]);
      const own = configuration.addresses().find(({ address }) => address === "10.77.1.2")!;
      assert.deepEqual([own.device, own.deviceKind, own.scope, own.isUsable], ["a", "veth", "global", true]);
      const report = namespace.run(() => configuration.undo());
      assert.deepEqual(report.failed, []);
      assert.equal(report.undone.length, 7);
      assert.equal(look(), before);
      configuration.close();
    }),
);

Deno.test(
  needs("addRoute leaves another program's route alone, then and at undo", "linux", "netns"),
  () =>
    withWorld(({ namespace, journalPath, look }) => {
      using netlink = namespace.run(() => new RouteNetlink());
      const configuration = namespace.run(() => openNetworkConfiguration(journalPath));
      configuration.configureDevice(SETTINGS);
      netlink.addRoute({ destination: "10.99.0.0/16", linkIndex: netlink.findLink("a")!.index });
      assert.throws(() => configuration.addRoute({ device: "a", destination: "10.99.0.0/16" }), /EEXIST/);
      assert.throws(() => configuration.addRoute({ device: "zz", destination: "10.98.0.0/16" }), /ENODEV/);
      assert.match(look(), /10\.99\.0\.0\/16/);
      namespace.run(() => configuration.undo());
      configuration.close();
    }),
);

Deno.test(
  needs("configureDevice works without IPv6 and says so", "linux", "netns"),
  () =>
    withWorld(({ namespace, journalPath, look }) => {
      const before = look();
      namespace.run(() => Deno.writeTextFileSync("/proc/sys/net/ipv6/conf/a/disable_ipv6", "1"));
      const configuration = namespace.run(() => openNetworkConfiguration(journalPath));
      const warnings = configuration.configureDevice(SETTINGS);
      assert.equal(warnings.length, 1);
      assert.match(warnings[0]!, /fd77::a4d:102/);
      assert.match(look(), /10\.77\.1\.2/);
      namespace.run(() => configuration.undo());
      configuration.close();
      assert.equal(look(), before);
    }),
);

/** Sets the device up and takes it down again until it is killed. */
const CHANGER = `
import { openNetworkConfiguration } from "${new URL("../../src/device/addresses.ts", import.meta.url)}";
const settings = ${JSON.stringify(SETTINGS)};
const configuration = openNetworkConfiguration(Deno.args[0]);
const stay = Deno.args[1] === "stay";
do {
  configuration.configureDevice(settings);
  configuration.addRoute({ device: "a", destination: "10.99.0.0/16" });
  if (stay) break;
  configuration.undo();
  Deno.stdout.writeSync(new Uint8Array([46]));
} while (true);
Deno.stdout.writeSync(new Uint8Array([33]));
setInterval(() => {}, 1000);
`;

/** Starts the changer, waits for its first sign of life and `delayMs` more, and kills it with SIGKILL. */
async function changeAndKill(world: World, mode: "stay" | "loop", delayMs: number): Promise<void> {
  const script = `${world.journalPath}.ts`;
  Deno.writeTextFileSync(script, CHANGER);
  const args = ["run", "-A", "--no-lock", "--no-check", script, world.journalPath, mode];
  const child = world.namespace.run(() => {
    const spawned = new Deno.Command(Deno.execPath(), { args, stdin: "null", stdout: "piped" }).spawn();
    return { spawned };
  }).spawned;
  const reader = child.stdout.getReader();
  await reader.read();
  await new Promise((resolve) => setTimeout(resolve, delayMs));
  child.kill("SIGKILL");
  await child.status;
  while (!(await reader.read()).done);
  Deno.removeSync(script);
}

Deno.test(
  needs("undo at the next start takes back what a killed run left", "linux", "netns"),
  () =>
    withWorld(async (world) => {
      const before = world.look();
      await changeAndKill(world, "stay", 0);
      assert.match(world.look(), /10\.77\.1\.2.*10\.99\.0\.0\/16/, "the kill left everything in place");
      const configuration = world.namespace.run(() => openNetworkConfiguration(world.journalPath));
      const report = world.namespace.run(() => configuration.undo());
      configuration.close();
      assert.equal(report.undone.length, 7);
      assert.equal(world.look(), before);
    }),
);

Deno.test(
  needs("undo restores the system whenever the run was killed", "linux", "netns"),
  () =>
    withWorld(async (world) => {
      const before = world.look();
      const random = seededRandom(22);
      for (let round = 0; round < 12; round++) {
        await changeAndKill(world, "loop", random.below(20));
        const configuration = world.namespace.run(() => openNetworkConfiguration(world.journalPath));
        const report = world.namespace.run(() => configuration.undo());
        configuration.close();
        assert.deepEqual(report.failed, []);
        assert.equal(world.look(), before, `round ${round}`);
      }
    }),
);

Deno.test(
  needs("undo touches nothing of a device that only has the same name", "linux", "netns"),
  () =>
    withWorld(async (world) => {
      await changeAndKill(world, "stay", 0);
      using netlink = world.namespace.run(() => new RouteNetlink());
      netlink.removeLink(netlink.findLink("a")!.index);
      netlink.addVeth("a", "b", world.namespace.descriptor);
      netlink.addAddress(netlink.findLink("a")!.index, SETTINGS.address4);
      const before = world.look();
      const configuration = world.namespace.run(() => openNetworkConfiguration(world.journalPath));
      const report = world.namespace.run(() => configuration.undo());
      configuration.close();
      assert.deepEqual([report.undone.length, report.obsolete.length], [0, 7]);
      assert.equal(world.look(), before);
    }),
);
