import type { Home, Internet } from "../../src/lab/internet.ts";
import type { Lab } from "../../src/lab/lab.ts";
import type { LabProcess } from "../../src/lab/lab_process.ts";
import type { MapperName } from "../../src/transport/port_mapping/mod.ts";

const CHAINS = `
table inet mapped {
  chain forward { type filter hook forward priority 0; jump miniupnpd; }
  chain miniupnpd { }
  chain prerouting { type nat hook prerouting priority -100; jump prerouting_miniupnpd; }
  chain prerouting_miniupnpd { }
  chain postrouting { type nat hook postrouting priority 90; jump postrouting_miniupnpd; }
  chain postrouting_miniupnpd { }
}
`;

/** The first byte of a request is the version: 2 = PCP, 0 = NAT-PMP. miniupnpd itself has one switch for both. */
const DROPS = { pcp: "udp dport 5351 @th,64,8 2 drop;", natPmp: "udp dport 5351 @th,64,8 0 drop;" };

/** A router with miniupnpd, and with a second public address: behind one of TEST-NET-3 miniupnpd refuses to map. */
export class MappingGateway {
  /** What it maps to. */
  readonly publicAddress: string;
  readonly #lab: Lab;
  readonly #home: Home;
  readonly #folder: string;
  #process: LabProcess | null = null;

  private constructor(lab: Lab, home: Home, folder: string) {
    this.#lab = lab;
    this.#home = home;
    this.#folder = folder;
    this.publicAddress = home.publicAddress.replace("203.0.113.", "45.0.113.");
  }

  /** Starts it with only these protocols spoken. */
  static async start(
    lab: Lab,
    internet: Internet,
    home: Home,
    spoken: readonly MapperName[],
  ): Promise<MappingGateway> {
    const gateway = new MappingGateway(lab, home, await Deno.makeTempDir());
    gateway.#addPublicAddress(internet);
    const config = `ext_ip=${gateway.publicAddress}\n${configuration(spoken)}`;
    await Deno.writeTextFile(`${gateway.#folder}/miniupnpd.conf`, config);
    const drops = (["pcp", "natPmp"] as const).filter((name) => !spoken.includes(name)).map((name) => DROPS[name]);
    gateway.nft(
      `${CHAINS}table inet only { chain input { type filter hook input priority -10; ${drops.join(" ")} }\n}\n`,
    );
    await gateway.#run();
    return gateway;
  }

  /** As after a power cut: nothing is said, and all mappings are gone. */
  async restart(): Promise<void> {
    await this.#process?.stop("SIGKILL");
    this.nft("flush chain inet mapped prerouting_miniupnpd\nflush chain inet mapped miniupnpd\n");
    await this.#run();
  }

  /** Its table of mappings, one a line, such as `… th dport 4001 dnat ip to 192.168.1.2:4000`. */
  mappings(): string[] {
    return this.#rules("prerouting_miniupnpd").filter((rule) => rule.includes("dnat"));
  }

  /** What it lets through its IPv6 firewall. */
  openings(): string[] {
    return this.#rules("miniupnpd").filter((rule) => rule.includes("th dport"));
  }

  #rules(chain: string): string[] {
    const { stdout } = this.#home.routers[0]!.namespace.run(() =>
      new Deno.Command("nft", { args: ["-n", "list", "chain", "inet", "mapped", chain] }).outputSync()
    );
    return new TextDecoder().decode(stdout).split("\n").map((line) => line.trim());
  }

  /** Ends it. */
  async stop(): Promise<void> {
    await this.#process?.stop();
    await Deno.remove(this.#folder, { recursive: true });
  }

  /** Loads rules into the router. */
  nft(script: string): void {
    const file = `${this.#folder}/rules.nft`;
    Deno.writeTextFileSync(file, script);
    const { success, stderr } = this.#home.routers[0]!.namespace.run(() =>
      new Deno.Command("nft", { args: ["-f", file] }).outputSync()
    );
    if (!success) throw new Error(`Cannot load rules: ${new TextDecoder().decode(stderr)}`);
  }

  #addPublicAddress(internet: Internet): void {
    const { netlink } = this.#home.routers[0]!;
    netlink.addAddress(netlink.findLink("wan")!.index, `${this.publicAddress}/32`);
    const line = internet.host.netlink.findLink(`line${this.publicAddress.split(".")[3]}`)!;
    internet.host.netlink.addRoute({ destination: `${this.publicAddress}/32`, linkIndex: line.index });
  }

  async #run(): Promise<void> {
    const [config, pid] = [`${this.#folder}/miniupnpd.conf`, `${this.#folder}/pid`];
    await Deno.remove(pid).catch(() => {});
    this.#process = this.#lab.spawn(this.#home.routers[0]!, [
      "sh",
      "-c",
      `exec miniupnpd -d -f ${config} -P ${pid} 2>&1`,
    ]);
    await this.#process.waitForLine(/version 2.* starting/, 5000);
  }
}

function configuration(spoken: readonly MapperName[]): string {
  const isOn = (...names: MapperName[]) => names.some((name) => spoken.includes(name)) ? "yes" : "no";
  return [
    "ext_ifname=wan",
    "ext_ifname6=wan",
    "listening_ip=lan",
    "upnp_table_name=mapped",
    "upnp_nat_table_name=mapped",
    `enable_natpmp=${isOn("pcp", "natPmp")}`,
    `enable_upnp=${isOn("upnp")}`,
    "secure_mode=yes",
    "system_uptime=no",
    "min_lifetime=8",
    "max_lifetime=3600",
    "uuid=6123d6bc-58de-4d22-ba63-30c353b50ddc",
    "allow 1024-65535 192.168.1.0/24 1024-65535",
    "deny 0-65535 0.0.0.0/0 0-65535",
    "",
  ].join("\n");
}
