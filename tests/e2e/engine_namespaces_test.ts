/** The engine as a process of its own in a network namespace, with a real device. */
import "../support/load_native.ts";
import assert from "node:assert/strict";
import { Internet } from "../../src/lab/internet.ts";
import { Lab, type LabHost } from "../../src/lab/lab.ts";
import type { LabProcess } from "../../src/lab/lab_process.ts";
import { MAIN } from "../support/buri_process.ts";
import { needs } from "../support/needs.ts";

const STARTS_MS = 30_000;

/** A server and computers on one small Internet, and a folder for what they keep. */
class Ground implements AsyncDisposable {
  readonly #lab = new Lab();
  readonly #internet = new Internet(this.#lab);
  readonly folder = Deno.makeTempDirSync({ prefix: "buri-ground-" });
  invite = "";

  static async make(): Promise<Ground> {
    const ground = new Ground();
    // Servers give up root, and the folder is not for root alone.
    Deno.chmodSync(ground.folder, 0o755);
    const { host, addresses } = ground.computer("server");
    const data = `${ground.folder}/server`;
    const server = ground.spawn(host, ["server", "--data", data, "--listen", `${addresses[0]}:12975`]);
    await server.waitForLine(/^buri server ready/, STARTS_MS);
    const { stdout } = await ground.spawn(host, ["server", "invite", "--data", data]).ended;
    ground.invite = stdout.trim();
    return ground;
  }

  computer(name: string): { host: LabHost; addresses: string[] } {
    return this.#internet.addPublicHost(name);
  }

  spawn(host: LabHost, words: string[], before: string[] = []): LabProcess {
    const command = [...before, Deno.execPath(), "run", "-A", "--cached-only", MAIN, ...words] as [string, ...string[]];
    return this.#lab.spawn(host, command);
  }

  stateDir(name: string): string {
    return `${this.folder}/${name}`;
  }

  async up(host: LabHost, name: string, ...more: string[]): Promise<{ process: LabProcess; address4: string }> {
    const words = ["up", "--state", this.stateDir(name), "--server", this.invite, "--device", "buri0", ...more];
    const process = this.spawn(host, words);
    const [, address4] = await process.waitForLine(/^buri up ready (\S+) \S+$/, STARTS_MS);
    return { process, address4: address4! };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#lab.close();
    Deno.removeSync(this.folder, { recursive: true });
  }
}

const filesOf = (folder: string) => [...Deno.readDirSync(folder)].map(({ name }) => name).toSorted();

Deno.test(
  needs("an engine that is killed leaves nothing after the next one has ended", "linux", "root", "netns", "tun"),
  async () => {
    await using ground = await Ground.make();
    const { host } = ground.computer("ann");
    const first = await ground.up(host, "ann");
    const state = ground.stateDir("ann");
    assert.deepEqual(filesOf(state), ["control.sock", "identity.json", "journal", "lock", "servers", "settings.json"]);
    assert.notEqual(host.netlink.findLink("buri0"), null);
    assert.equal(await first.process.stop("SIGKILL"), 137);
    assert.equal(host.netlink.findLink("buri0"), null);
    const second = await ground.up(host, "ann");
    assert.equal(second.address4, first.address4);
    assert.equal(await second.process.stop("SIGTERM"), 0);
    assert.equal(host.netlink.findLink("buri0"), null);
    assert.deepEqual(filesOf(state), ["identity.json", "lock", "servers", "settings.json"]);
  },
);

Deno.test(
  needs("an engine says in one line why it may not start, with the exit code of that reason", "linux", "root", "netns"),
  async () => {
    await using ground = await Ground.make();
    const { host } = ground.computer("ann");
    const end = async (words: string[], before: string[] = []) => {
      const { code, stderr } = await ground.spawn(host, ["up", "--server", ground.invite, ...words], before).ended;
      return { code, first: stderr.split("\n")[0]! };
    };
    const powerless = ["setpriv", "--bounding-set", "-net_admin", "--inh-caps", "-net_admin"];
    const notPermitted = await end(["--state", ground.stateDir("ann")], powerless);
    assert.equal(notPermitted.code, 4);
    assert.match(notPermitted.first, /Cannot make a tunnel device: not permitted/);
    const startOn = async (limits: string, name: string) => {
      const dir = ground.stateDir(name);
      const mount = `mkdir "$0" && mount -t tmpfs -o ${limits} none "$0" && exec "$@"`;
      return await end(["--state", dir, "--device", "none"], ["unshare", "--mount", "sh", "-c", mount, dir]);
    };
    const noRoom = await startOn("nr_inodes=2", "full");
    assert.equal(noRoom.code, 1);
    assert.match(noRoom.first, /Cannot save .*identity\.json: No space left/);
    const littleRoom = await startOn("size=4k", "almost-full");
    assert.equal(littleRoom.code, 1);
    assert.match(littleRoom.first, /Cannot save .*chat\.sqlite: database or disk is full/);
  },
);

Deno.test(
  needs(
    "set-ip-mode takes addresses from the device and gives them back, over a restart, too",
    "linux",
    "root",
    "netns",
    "tun",
  ),
  async () => {
    await using ground = await Ground.make();
    const { host } = ground.computer("ann");
    const first = await ground.up(host, "ann");
    const kinds = () => {
      const index = host.netlink.findLink("buri0")!.index;
      const own = host.netlink.addresses().filter(({ linkIndex }) => linkIndex === index).map(({ address }) => address);
      return { has4: own.includes(first.address4), has6: own.some((address) => address.startsWith("fd")) };
    };
    const set = async (mode: string) => {
      const { code, stdout } = await ground.spawn(host, ["set-ip-mode", mode, "--state", ground.stateDir("ann")]).ended;
      assert.deepEqual([code, stdout.trim()], [0, "Setting IP mode .. ok"]);
    };
    assert.deepEqual(kinds(), { has4: true, has6: true });
    await set("ipv6");
    assert.deepEqual(kinds(), { has4: false, has6: true });
    await set("ipv4");
    assert.deepEqual(kinds(), { has4: true, has6: false });
    await first.process.stop("SIGTERM");
    await ground.up(host, "ann");
    assert.deepEqual(kinds(), { has4: true, has6: false });
    await set("both");
    assert.deepEqual(kinds(), { has4: true, has6: true });
  },
);
