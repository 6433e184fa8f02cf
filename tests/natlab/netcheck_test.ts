/** `netcheck` and `why` of real engines behind each kind of NAT, against what the laboratory knows. */
import "../support/load_native.ts";
import assert from "node:assert/strict";
import { LabBuri } from "../../src/lab/buri.ts";
import { Internet } from "../../src/lab/internet.ts";
import { Lab } from "../../src/lab/lab.ts";
import { NAT_KINDS, type NatKindId } from "../../src/lab/nat_kinds.ts";
import type { NatView, WhyView } from "../../src/ipc/mod.ts";
import { MAIN } from "../support/buri_process.ts";
import { needs } from "../support/needs.ts";

const PROGRAM = [Deno.execPath(), "run", "-A", "--cached-only", MAIN] as const;

/** A laboratory with a server, whose folder goes with it. */
class World implements AsyncDisposable {
  readonly #lab = new Lab();
  readonly #folder = Deno.makeTempDirSync({ prefix: "buri-netcheck-" });
  readonly internet = new Internet(this.#lab);
  readonly buri = new LabBuri({ lab: this.#lab, program: PROGRAM, folder: this.#folder });
  invite = "";

  static async make(): Promise<World> {
    const world = new World();
    Deno.chmodSync(world.#folder, 0o755);
    const { host, addresses: [address, other] } = world.internet.addPublicHost("server", 2);
    world.invite = await world.buri.server(host, address!, ["--address2", other!]);
    return world;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#lab.close();
    Deno.removeSync(this.#folder, { recursive: true });
  }
}

/** What netcheck sees of a kind, with two addresses of the server. */
function truthOf(id: NatKindId): Partial<NatView> {
  const { mapping, filtering, ports, hairpin } = NAT_KINDS[id];
  if (mapping === null) return { udp: false, mapping: null, filtering: null };
  return {
    udp: true,
    isTranslated: true,
    mapping,
    filtering,
    keepsPort: ports === "preserved",
    portStep: ports === "sequential" ? 1 : null,
    hairpin,
  };
}

Deno.test(
  needs("netcheck tells of each NAT what the laboratory knows", "linux", "netns", "nft", "miniupnpd"),
  async () => {
    await using world = await World.make();
    const kinds = (Object.keys(NAT_KINDS) as NatKindId[]).filter((id) => id !== "CGs");
    const wrong: string[] = [];
    const check = async (id: NatKindId) => {
      const home = world.internet.addHome(`home-${id.toLowerCase()}`, id);
      using proxy = home.startProxy === null ? null : await home.startProxy();
      await home.startMapper?.();
      const member = await world.buri.up(home.host, world.invite, proxy === null ? [] : ["--proxy", proxy.url]);
      // Whether UDP is blocked is known when the first questions have gone unanswered.
      for (let tries = 0;; tries++) {
        const seen: NatView = JSON.parse(await member.must("netcheck", "--json"));
        const found = Object.fromEntries(Object.keys(truthOf(id)).map((key) => [key, seen[key as keyof NatView]]));
        const isRight = JSON.stringify(found) === JSON.stringify(truthOf(id));
        if (!isRight && tries < 3) continue;
        if (!isRight) wrong.push(`${id}: ${JSON.stringify(found)}, not ${JSON.stringify(truthOf(id))}`);
        break;
      }
    };
    // Those that have to find a way to the server first take as long as all the others.
    const isSlow = (id: NatKindId) => id === "T4" || id === "PX";
    const slow = Promise.all(kinds.filter(isSlow).map(check));
    const quick = kinds.filter((id) => !isSlow(id));
    for (let start = 0; start < quick.length; start += 4) await Promise.all(quick.slice(start, start + 4).map(check));
    await slow;
    assert.deepEqual(wrong, []);
  },
);

Deno.test(needs("why names the fault that keeps two ends on a relay", "linux", "netns", "nft"), async () => {
  const faults: [NatKindId, NatKindId, string[]][] = [
    ["SY", "SN", ["bothHard", "bothHard"]],
    ["UB", "PR", ["ownUdpBlocked", "peerUdpBlocked"]],
    ["PR", "PR", ["direct", "direct"]],
    ["CGs", "CGs", ["sameNat", "sameNat"]],
  ];
  const causes = await Promise.all(faults.map(async ([one, other]) => {
    await using world = await World.make();
    const home1 = world.internet.addHome("home1", one);
    const home2 = world.internet.addHome("home2", other, one === "CGs" ? home1 : undefined);
    const members = await Promise.all([home1, home2].map(({ host }) => world.buri.up(host, world.invite)));
    const [first, second] = members as [typeof members[0], typeof members[0]];
    await second.must("create", "matrix", "");
    await first.must("join", "matrix", "");
    const ask = async (member: typeof first, peer: typeof first) => {
      let cause = "";
      // While nothing is sure it may be any of these.
      for (let tries = 0; tries < 12 && ["", "justBegun", "searching"].includes(cause); tries++) {
        await member.command("ping", peer.address4, "--count", "2");
        cause = (JSON.parse(await member.must("why", peer.address4, "--json")) as WhyView).cause;
      }
      return cause;
    };
    return await Promise.all([ask(first, second), ask(second, first)]);
  }));
  assert.deepEqual(causes, faults.map(([, , expected]) => expected));
});
