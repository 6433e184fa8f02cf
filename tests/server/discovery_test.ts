import assert from "node:assert/strict";
import { formatEndpoint, parseEndpoint } from "../../src/base/ip.ts";
import { equalSecret, hmac } from "../../src/crypto/mod.ts";
import {
  CANDIDATE_KIND,
  type ControlMessageOf,
  DISCOVER_FLAG,
  discovery,
  DISCOVERY_SOCKET,
  encodeWithMac,
  macInput,
  NETWORK_KIND,
  TUNNEL_REASON,
} from "../../src/protocol/mod.ts";
import { startTestServer, type TestServer } from "./server_support.ts";

type Welcome = ControlMessageOf<"welcome">;

class Prober implements Disposable {
  readonly socket: Deno.DatagramConn;
  readonly #hostname: string;

  constructor(hostname = "127.0.0.1") {
    this.#hostname = hostname;
    this.socket = Deno.listenDatagram({ transport: "udp", hostname, port: 0 });
  }

  get port(): number {
    return (this.socket.addr as Deno.NetAddr).port;
  }

  async send(port: number, datagram: Uint8Array): Promise<void> {
    await this.socket.send(datagram, { transport: "udp", hostname: this.#hostname, port });
  }

  async receive(): Promise<{ datagram: Uint8Array; from: number }> {
    const [datagram, from] = await this.socket.receive(new Uint8Array(2000));
    return { datagram, from: (from as Deno.NetAddr).port };
  }

  [Symbol.dispose](): void {
    this.socket.close();
  }
}

function discover({ sessionId, discoveryKey }: Welcome, counter: bigint, flags = 0): Uint8Array {
  return encodeWithMac(
    discovery.discover,
    { sessionId, counter, flags },
    (input) => hmac("sha256", discoveryKey, input),
  );
}

async function logIn(test: TestServer) {
  const client = await test.connect();
  return { client, welcome: await client.next("welcome") };
}

Deno.test("DISCOVER is answered from the socket it asks for, with the source it came from", async () => {
  await using test = await startTestServer();
  const { client, welcome } = await logIn(test);
  using prober = new Prober();
  const { udpPort, udp2Port } = welcome;
  const asked = [
    { to: udpPort, flags: 0, from: udpPort, socket: DISCOVERY_SOCKET.udpPort },
    { to: udp2Port, flags: 0, from: udp2Port, socket: DISCOVERY_SOCKET.udp2Port },
    { to: udpPort, flags: DISCOVER_FLAG.answerFromOtherSocket, from: udp2Port, socket: DISCOVERY_SOCKET.udp2Port },
  ];
  for (const [index, { to, flags, from, socket }] of asked.entries()) {
    const question = discover(welcome, BigInt(index), flags);
    await prober.send(to, question);
    const answer = await prober.receive();
    const { counter, endpoint, socket: named, mac } = discovery.discovered.decode(answer.datagram);
    assert.deepEqual([counter, formatEndpoint(endpoint), named], [BigInt(index), `127.0.0.1:${prober.port}`, socket]);
    assert.equal(answer.from, from);
    assert.ok(equalSecret(mac, hmac("sha256", welcome.discoveryKey, macInput(answer.datagram)).slice(0, 16)));
    assert.ok(answer.datagram.length < question.length);
  }
  await client.close();
});

Deno.test("DISCOVER is answered from another address where the server has one, which WELCOME tells", async () => {
  await using test = await startTestServer({ address2: "127.0.0.2" });
  const { client, welcome } = await logIn(test);
  const [other] = welcome.discoveryEndpoints;
  assert.equal(formatEndpoint(other!).split(":")[0], "127.0.0.2");
  using prober = new Prober("0.0.0.0");
  const ask = async (hostname: string, port: number, counter: bigint, flags = 0) => {
    await prober.socket.send(discover(welcome, counter, flags), { transport: "udp", hostname, port });
    const [datagram, from] = await prober.socket.receive(new Uint8Array(100));
    const { endpoint, socket } = discovery.discovered.decode(datagram);
    return [(from as Deno.NetAddr).hostname, (from as Deno.NetAddr).port, endpoint.port === prober.port, socket];
  };
  const expected = ["127.0.0.2", other!.port, true, DISCOVERY_SOCKET.otherAddress];
  assert.deepEqual(await ask("127.0.0.1", welcome.udp2Port, 1n, DISCOVER_FLAG.answerFromOtherAddress), expected);
  assert.deepEqual(await ask("127.0.0.2", other!.port, 2n), expected);
  await client.close();
});

Deno.test("DISCOVER that is forged, repeated, damaged or of no session is not answered", async () => {
  await using test = await startTestServer();
  const { client, welcome } = await logIn(test);
  using prober = new Prober();
  const good = discover(welcome, 5n);
  await prober.send(welcome.udpPort, good);
  await prober.receive();
  const flipped = discover(welcome, 9n);
  flipped[20] = flipped[20]! ^ 1;
  const silent = [
    good,
    discover(welcome, 4n),
    flipped,
    discover({ ...welcome, discoveryKey: new Uint8Array(32) }, 9n),
    discover({ ...welcome, sessionId: new Uint8Array(8) }, 9n),
    discover(welcome, 9n).slice(0, 63),
    new Uint8Array(65),
    new Uint8Array(0),
  ];
  for (const datagram of silent) await prober.send(welcome.udpPort, datagram);
  await prober.send(welcome.udpPort, discover(welcome, 10n));
  const { counter } = discovery.discovered.decode((await prober.receive()).datagram);
  assert.equal(counter, 10n);
  await client.close();
});

Deno.test("TEST is answered from a port that nobody asked, at the address it came from and nowhere else", async () => {
  await using test = await startTestServer();
  const { client, welcome } = await logIn(test);
  using prober = new Prober();
  using mapped = new Prober();
  const ask = async (endpoint: string, counter: bigint, key = welcome.discoveryKey) => {
    const message = { sessionId: welcome.sessionId, counter, endpoint: parseEndpoint(endpoint)! };
    await prober.send(welcome.udpPort, encodeWithMac(discovery.test, message, (input) => hmac("sha256", key, input)));
  };
  await ask(`127.0.0.2:${mapped.port}`, 1n);
  await ask(`127.0.0.1:0`, 2n);
  await ask(`127.0.0.1:${mapped.port}`, 3n, new Uint8Array(32));
  await ask(`127.0.0.1:${mapped.port}`, 4n);
  const { datagram, from } = await mapped.receive();
  const { counter, endpoint, socket } = discovery.discovered.decode(datagram);
  assert.deepEqual([counter, formatEndpoint(endpoint)], [4n, `127.0.0.1:${mapped.port}`]);
  assert.equal(socket, DISCOVERY_SOCKET.tester);
  assert.ok(![welcome.udpPort, welcome.udp2Port].includes(from));
  await ask(`127.0.0.1:${mapped.port}`, 4n);
  await prober.send(welcome.udpPort, discover(welcome, 5n));
  assert.equal(discovery.discovered.decode((await prober.receive()).datagram).counter, 5n, "a test is no observation");
  const late = new Promise((resolve) => setTimeout(resolve, 100, "nothing"));
  assert.equal(await Promise.race([mapped.receive(), late]), "nothing");
  await client.close();
});

Deno.test("What discovery sees is told to peers, first of all candidates, and again when it changes", async () => {
  await using test = await startTestServer();
  const { client: ann, welcome } = await logIn(test);
  await using bob = await test.join();
  const network = { name: "Home LAN", hasPassword: false, joinSecret: new Uint8Array(32) };
  await ann.must("create", { ...network, kind: NETWORK_KIND.mesh });
  await bob.must("join", network);
  using first = new Prober();
  using second = new Prober();
  await first.send(welcome.udpPort, discover(welcome, 1n));
  await first.receive();
  const lan = { kind: CANDIDATE_KIND.local, endpoint: parseEndpoint("192.168.1.7:4000")! };
  await ann.must("endpoints", { candidates: [lan] });
  await bob.must("tunnelRequest", { peer: ann.address, reason: TUNNEL_REASON.wanted });
  const told = (await bob.next("rendezvous")).candidates.map(({ kind, endpoint }) => [kind, formatEndpoint(endpoint)]);
  assert.deepEqual(told, [
    [CANDIDATE_KIND.observed, `127.0.0.1:${first.port}`],
    [CANDIDATE_KIND.local, "192.168.1.7:4000"],
  ]);
  // Another socket that asks aside is not the one of the tunnels.
  using aside = new Prober();
  await aside.send(welcome.udpPort, discover(welcome, 3n, DISCOVER_FLAG.aside));
  await aside.receive();
  await second.send(welcome.udpPort, discover(welcome, 4n));
  await second.receive();
  const [candidate] = (await bob.next("peerEndpoints")).candidates;
  assert.equal(formatEndpoint(candidate!.endpoint), `127.0.0.1:${second.port}`);
  await ann.close();
});

Deno.test({
  name: hasIpv6() ? "A server on [::] serves IPv4 and IPv6" : "A server on [::] (skipped: needs IPv6)",
  ignore: !hasIpv6(),
  fn: async () => {
    await using test = await startTestServer({ listen: { host: "::", port: 0 } });
    for (const [hostname, shown] of [["127.0.0.1", "127.0.0.1:"], ["::1", "[::1]:"]] as const) {
      await using client = await test.connect({ hostname });
      const welcome = await client.next("welcome");
      assert.ok(formatEndpoint(welcome.observed).startsWith(shown));
      using prober = new Prober(hostname);
      await prober.send(welcome.udpPort, discover(welcome, 1n));
      const { endpoint } = discovery.discovered.decode((await prober.receive()).datagram);
      assert.equal(formatEndpoint(endpoint), `${shown}${prober.port}`);
    }
  },
});

function hasIpv6(): boolean {
  try {
    Deno.listen({ hostname: "::1", port: 0 }).close();
    return true;
  } catch {
    return false;
  }
}
