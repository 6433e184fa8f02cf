import assert from "node:assert/strict";
import { fromUtf8, utf8 } from "../../src/base/bytes.ts";
import { parseEndpoint } from "../../src/base/ip.ts";
import { type Home, Internet } from "../../src/lab/internet.ts";
import { Lab, type LabHost } from "../../src/lab/lab.ts";
import type { LabProcess } from "../../src/lab/lab_process.ts";
import { MAPPER_NAMES, type MapperName } from "../../src/transport/port_mapping/mod.ts";
import { hostnameOf } from "../../src/transport/stream.ts";
import "../support/load_native.ts";
import { needs } from "../support/needs.ts";
import { MappingGateway } from "./port_mapping_gateway.ts";

const CHILD = new URL("./port_mapping_child.ts", import.meta.url).pathname;
const HELPER_PORT = 7000;
const INTERNAL_PORT = "4000";
const PATIENCE_MS = 30_000;

interface World {
  lab: Lab;
  internet: Internet;
  /** Sends a datagram from outside. */
  send: (text: string, endpoint: string) => Promise<void>;
  /** A home behind a router that speaks these protocols; `prepare` is called before the router's daemon starts. */
  addHome: (
    name: string,
    spoken: readonly MapperName[],
    prepare?: (home: Home) => void,
  ) => Promise<{ home: Home; gateway: MappingGateway }>;
  /** Maps port 4000 of a home; default for IPv4. */
  startClient: (home: Home, lifetimeS: number, family?: 4 | 6) => LabProcess;
}

/**
 * An Internet with a helper outside that sends an empty datagram to every endpoint it is asked to try: from another address
 * than it was asked at, so that only a mapping lets it in.
 */
async function withWorld(test: (world: World) => Promise<void>): Promise<void> {
  const gateways: MappingGateway[] = [];
  await using lab = new Lab();
  const internet = new Internet(lab);
  const { host, addresses: [asked = "", other = ""] } = internet.addPublicHost("outside", 2);
  addIpv6(internet.host, "line10", "2001:db8:a::1/64");
  addIpv6(host, "wan", "2001:db8:a::2/64", "2001:db8:a::1");
  const listen = (hostname: string, port: number) =>
    host.namespace.run(() => ({ socket: Deno.listenDatagram({ transport: "udp", hostname, port }) })).socket;
  const [helper, sender, sender6] = [listen(asked, HELPER_PORT), listen(other, 0), listen("2001:db8:a::2", 0)];
  const send = async (text: string, endpoint: string) => {
    const to = parseEndpoint(endpoint)!;
    await (endpoint.startsWith("[") ? sender6 : sender).send(utf8(text), {
      transport: "udp",
      hostname: hostnameOf(to),
      port: to.port,
    });
  };
  const helping = (async () => {
    for await (const [bytes] of helper) await send("", fromUtf8(bytes));
  })();
  try {
    await test({
      lab,
      internet,
      send,
      async addHome(name, spoken, prepare) {
        const home = internet.addHome(name, "PR");
        prepare?.(home);
        const gateway = await MappingGateway.start(lab, internet, home, spoken);
        gateways.push(gateway);
        return { home, gateway };
      },
      startClient(home, lifetimeS, family = 4) {
        const args = [INTERNAL_PORT, String(lifetimeS), `${asked}:${HELPER_PORT}`, String(family)];
        return lab.spawn(home.host, [Deno.execPath(), "run", "-A", "--no-check", "--unstable-net", CHILD, ...args]);
      },
    });
  } finally {
    for (const socket of [helper, sender, sender6]) socket.close();
    await helping;
    await Promise.all(gateways.map((gateway) => gateway.stop()));
  }
}

/** Gives an interface an IPv6 address; `gateway` makes a host of its owner, else it forwards. */
function addIpv6(host: LabHost, link: string, prefix: string, gateway?: string): void {
  const linkIndex = host.netlink.findLink(link)!.index;
  host.netlink.addAddress(linkIndex, prefix);
  if (gateway === undefined) {
    host.namespace.run(() => Deno.writeTextFileSync("/proc/sys/net/ipv6/conf/all/forwarding", "1"));
  } else host.netlink.addRoute({ destination: "::/0", linkIndex, gateway });
}

/** Until then neighbours do not find each other: the kernel first asks whether another has its link-local addresses. */
async function addressesAreUsable(...hosts: LabHost[]): Promise<void> {
  while (hosts.some(({ netlink }) => netlink.addresses().some(({ isUsable }) => !isUsable))) {
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

/** The lines that tell of mappings. */
function told(client: LabProcess): string[] {
  return client.stdoutLines.filter((line) => line.startsWith("mapping "));
}

function rule(port: string): RegExp {
  return new RegExp(`th dport ${port} dnat ip to 192\\.168\\.1\\.2:${INTERNAL_PORT}$`);
}

Deno.test(
  needs(
    "startPortMapping maps by each protocol alone, renews the same port and deletes at the end",
    "root",
    "nft",
    "miniupnpd",
  ),
  () =>
    withWorld(async ({ addHome, startClient, send }) => {
      await Promise.all(MAPPER_NAMES.map(async (name) => {
        const { home, gateway } = await addHome(name.toLowerCase(), [name]);
        const client = startClient(home, 8);
        const [, endpoint = "", port = ""] = await client.waitForLine(/^mapping (.+:(\d+))$/, PATIENCE_MS);
        assert.equal(endpoint, `${gateway.publicAddress}:${INTERNAL_PORT}`, name);
        await client.waitForLine(new RegExp(`by=${name} test=reachable`), PATIENCE_MS);
        assert.equal(gateway.mappings().length, 1, name);
        assert.match(gateway.mappings()[0]!, rule(port));
        await send(`hello ${name}`, endpoint);
        await client.waitForLine(new RegExp(`^received hello ${name}$`), PATIENCE_MS);

        await client.waitForLine(/test=reachable renewals=1 /, PATIENCE_MS);
        assert.deepEqual(told(client), [`mapping ${endpoint}`], name);
        assert.equal(gateway.mappings().length, 1, name);
        assert.match(gateway.mappings()[0]!, rule(port));

        assert.equal(await client.stop(), 0);
        assert.deepEqual(gateway.mappings(), [], `${name} left a mapping behind`);
        await client.ended;
        assert.deepEqual([told(client).at(-1), client.stdoutLines.at(-1)], ["mapping none", "stopped"]);
      }));
    }),
);

Deno.test(
  needs(
    "startPortMapping prefers PCP and makes the mapping anew after the router restarted",
    "root",
    "nft",
    "miniupnpd",
  ),
  () =>
    withWorld(async ({ addHome, startClient }) => {
      const restart = async (spoken: readonly MapperName[], expected: MapperName, lifetimeS: number) => {
        const { home, gateway } = await addHome(`all-${expected.toLowerCase()}`, spoken);
        const client = startClient(home, lifetimeS);
        const [, endpoint = "", port = ""] = await client.waitForLine(/^mapping (.+:(\d+))$/, PATIENCE_MS);
        await client.waitForLine(new RegExp(`by=${expected} test=reachable renewals=0`), PATIENCE_MS);
        // Epochs count seconds and are compared with a tolerance of two: a router must have been up for longer than that.
        if (expected !== "upnp") await new Promise((resolve) => setTimeout(resolve, 3000));
        await gateway.restart();
        assert.deepEqual(gateway.mappings(), []);
        await client.waitForLine(/test=reachable renewals=1 /, PATIENCE_MS);
        assert.match(gateway.mappings()[0]!, rule(port));
        assert.deepEqual(told(client), [`mapping ${endpoint}`]);
      };
      // With an hour's lifetime only the router's announcement can be what told of the restart; UPnP-IGD has none.
      await Promise.all([
        restart(MAPPER_NAMES, "pcp", 3600),
        restart(["natPmp", "upnp"], "natPmp", 3600),
        restart(["upnp"], "upnp", 8),
      ]);
    }),
);

Deno.test(
  needs("startPortMapping drops mappings that do not work from outside, by all protocols", "root", "nft", "miniupnpd"),
  () =>
    withWorld(async ({ addHome, startClient }) => {
      const { home, gateway } = await addHome("walled", MAPPER_NAMES);
      gateway.nft(`table inet wall { chain forward { type filter hook forward priority -10;
        iifname "wan" ct state new drop;
      }
      }\n`);
      const client = startClient(home, 3600);
      await client.waitForLine(/by=none .*pcp=useless natPmp=useless upnp=useless/, PATIENCE_MS);
      assert.deepEqual(told(client), []);
      assert.equal(await client.stop(), 0);
      assert.deepEqual(gateway.mappings(), []);
    }),
);

Deno.test(
  needs("startPortMapping opens an IPv6 firewall by PCP, asked at its link-local address", "root", "nft", "miniupnpd"),
  () =>
    withWorld(async ({ addHome, startClient, internet }) => {
      const { home, gateway } = await addHome("dual", MAPPER_NAMES, ({ host, routers: [router] }) => {
        addIpv6(internet.host, "line12", "2001:db8:b::1/64");
        addIpv6(router!, "wan", "2001:db8:b::2/64");
        addIpv6(router!, "lan", "2001:db8:c::1/64");
        router!.netlink.addRoute({
          destination: "::/0",
          linkIndex: router!.netlink.findLink("wan")!.index,
          gateway: "2001:db8:b::1",
        });
        internet.host.netlink.addRoute({
          destination: "2001:db8:c::/64",
          linkIndex: internet.host.netlink.findLink("line12")!.index,
          gateway: "2001:db8:b::2",
        });
        addIpv6(router!, "lan", "fe80::1/64");
        addIpv6(host, "lan0", "2001:db8:c::2/64", "fe80::1");
      });
      gateway.nft('add rule inet mapped forward meta nfproto ipv6 iifname "wan" ct state new drop\n');
      await addressesAreUsable(internet.host, home.routers[0]!, home.host);
      const client = startClient(home, 3600, 6);
      await client.waitForLine(/^mapping \[2001:db8:c::2\]:4000$/, PATIENCE_MS);
      await client.waitForLine(/by=pcp test=reachable .*natPmp=notAsked upnp=notAsked/, PATIENCE_MS);
      assert.equal(gateway.openings().length, 1);
      assert.equal(await client.stop(), 0);
      assert.deepEqual(gateway.openings(), []);
    }),
);
