import assert from "node:assert/strict";
import { type Endpoint, formatEndpoint, parseEndpoint } from "../../src/base/ip.ts";
import { systemRandom } from "../../src/base/random.ts";
import { generateRsaKeyPair, hmac, sha256, signRsa, verifyEd25519 } from "../../src/crypto/mod.ts";
import {
  addKeyProofInput,
  BIND_REFUSED,
  bindSecretInput,
  CANDIDATE_KIND,
  encodeWithMac,
  KEY_TYPE,
  NETWORK_KIND,
  RELAY_CLASS,
  relayDatagrams,
  type RelayOffer,
  RESULT_CODE,
  ticket as ticketCodec,
  ticketBody,
  ticketSignatureInput,
  TUNNEL_CLOSED,
  TUNNEL_REASON,
} from "../../src/protocol/mod.ts";
import type { FakeClient } from "../support/fake_client.ts";
import { startTestServer, type TestServer } from "./server_support.ts";

const PASSWORD = { hasPassword: false, joinSecret: new Uint8Array(32) };
const ANN_LAN = parseEndpoint("192.168.1.7:4000")!;
const BOB_LAN = parseEndpoint("192.168.9.9:5000")!;

async function pair(test: TestServer) {
  const [ann, bob] = [await test.join({ nick: "Ann" }), await test.join({ nick: "Bob" })];
  const { networkId } = await ann.ask("create", { name: "Home LAN", kind: NETWORK_KIND.mesh, ...PASSWORD });
  await bob.must("join", { name: "Home LAN", ...PASSWORD });
  await ann.must("endpoints", { candidates: [local(ANN_LAN)] });
  await bob.must("endpoints", { candidates: [local(BOB_LAN)] });
  return { ann, bob, networkId, close: () => Promise.all([ann.close(), bob.close()]) };
}

function local(endpoint: Endpoint) {
  return { kind: CANDIDATE_KIND.local, endpoint };
}

function want(client: FakeClient, peer: FakeClient, reason: number = TUNNEL_REASON.wanted) {
  return client.request("tunnelRequest", { peer: peer.address, reason });
}

async function meet(ann: FakeClient, bob: FakeClient, reason: number = TUNNEL_REASON.wanted) {
  assert.equal((await want(ann, bob, reason)).code, 0);
  return [await ann.next("rendezvous"), await bob.next("rendezvous")] as const;
}

Deno.test("TUNNEL REQUEST gives both ends a pair of SPIs, each other's keys, candidates and networks", async () => {
  await using test = await startTestServer();
  const { ann, bob, networkId, close } = await pair(test);
  const [toAnn, toBob] = await meet(ann, bob);
  assert.equal(toAnn.localSpi, toBob.remoteSpi);
  assert.equal(toAnn.remoteSpi, toBob.localSpi);
  assert.notEqual(toAnn.localSpi, toAnn.remoteSpi);
  assert.ok(toAnn.localSpi >= 256 && toAnn.remoteSpi >= 256);
  assert.deepEqual([toAnn.peerAddress, toBob.peerAddress], [bob.address, ann.address]);
  assert.deepEqual(toAnn.keys, [{ keyType: KEY_TYPE.ed25519, publicKey: bob.ed25519.publicKey }]);
  assert.deepEqual(toAnn.candidates.map(({ endpoint }) => formatEndpoint(endpoint)), ["192.168.9.9:5000"]);
  assert.deepEqual([toAnn.commonNetworks, toAnn.suites, toAnn.cause], [[networkId], [2], TUNNEL_REASON.wanted]);
  await close();
});

Deno.test("TUNNEL REQUEST repeats the pair for a while, and draws another when an SPI was refused", async () => {
  await using test = await startTestServer();
  const { ann, bob, close } = await pair(test);
  const [first] = await meet(ann, bob);
  const [again] = await meet(bob, ann);
  assert.deepEqual([again.localSpi, again.remoteSpi], [first.remoteSpi, first.localSpi]);
  const [other] = await meet(ann, bob, TUNNEL_REASON.spiRefused);
  assert.ok(other.localSpi !== first.localSpi && other.remoteSpi !== first.remoteSpi);
  await close();
});

Deno.test("TUNNEL REQUEST names peers of other suites as they named themselves", async () => {
  await using test = await startTestServer({ suites: [1, 2] });
  await using ann = await test.join({ suites: [2, 1] });
  await using bob = await test.join({ suite: 1, rsa: await generateRsaKeyPair() });
  await ann.must("create", { name: "Home LAN", kind: NETWORK_KIND.mesh, ...PASSWORD });
  await bob.must("join", { name: "Home LAN", ...PASSWORD });
  const [toAnn, toBob] = await meet(ann, bob);
  assert.deepEqual([toAnn.suites, toBob.suites], [[1], [2, 1]]);
});

Deno.test("TUNNEL REQUEST tells a stranger nothing, and a member who is away from who is offline", async () => {
  await using test = await startTestServer();
  const { ann, bob, networkId } = await pair(test);
  await using eve = await test.join();
  assert.equal((await want(eve, ann)).code, RESULT_CODE.peerNotFound);
  assert.equal((await want(ann, ann)).code, RESULT_CODE.peerNotFound);
  assert.equal((await ann.request("tunnelRequest", { peer: 1, reason: 1 })).code, RESULT_CODE.peerNotFound);
  await bob.must("setOnline", { networkId, online: false });
  assert.equal((await want(ann, bob)).code, RESULT_CODE.peerOffline);
  await bob.must("setOnline", { networkId, online: true });
  await ann.settled();
  ann.inbox.splice(0);
  await bob.close();
  await ann.next("member", ({ member }) => member.status === 0 && member.address === bob.address);
  assert.equal((await want(ann, bob)).code, RESULT_CODE.peerOffline);
  assert.deepEqual(eve.inbox, []);
  await ann.close();
});

Deno.test("ENDPOINTS are told to those with a tunnel and to nobody else, and never to nowhere or to a group", async () => {
  await using test = await startTestServer();
  const { ann, bob, close } = await pair(test);
  await using carol = await test.join();
  await carol.must("join", { name: "Home LAN", ...PASSWORD });
  const [toAnn] = await meet(ann, bob);
  const bad = ["0.0.0.0:1", "224.0.0.1:5", "255.255.255.255:5", "[ff02::1]:5", "[::]:5", "192.0.2.1:0"];
  const candidates = ["198.51.100.4:9", ...bad, "198.51.100.4:9"].map((text) => local(parseEndpoint(text)!));
  await bob.must("endpoints", { candidates });
  const told = await ann.next("peerEndpoints");
  assert.equal(told.localSpi, toAnn.localSpi);
  assert.deepEqual(told.candidates.map(({ endpoint }) => formatEndpoint(endpoint)), ["198.51.100.4:9"]);
  await carol.settled();
  assert.deepEqual(carol.inbox.filter(({ type }) => type === "peerEndpoints" || type === "rendezvous"), []);
  await close();
});

Deno.test("PUNCH REQUEST sends both ends off together", async () => {
  await using test = await startTestServer();
  const { ann, bob, close } = await pair(test);
  const [{ localSpi, remoteSpi }] = await meet(ann, bob);
  await ann.must("punchRequest", { localSpi });
  const [a, b] = [await ann.next("punchStart"), await bob.next("punchStart")];
  assert.deepEqual([a.localSpi, b.localSpi, a.inMs], [localSpi, remoteSpi, b.inMs]);
  assert.deepEqual(a.candidates.map(({ endpoint }) => formatEndpoint(endpoint)), ["192.168.9.9:5000"]);
  assert.equal((await ann.request("punchRequest", { localSpi: remoteSpi })).code, RESULT_CODE.peerNotFound);
  await close();
});

Deno.test("Relay tickets name both SPIs, are signed by the server, and only their holder knows the secret", async () => {
  await using test = await startTestServer();
  const { ann, bob, close } = await pair(test);
  const [toAnn, toBob] = await meet(ann, bob);
  const [offer, other] = [toAnn.relays[0]!, toBob.relays[0]!];
  assert.deepEqual(offer.endpoints.map(formatEndpoint), [`127.0.0.1:${test.server.relayPort}`]);
  const ticket = ticketCodec.decode(offer.ticket);
  assert.deepEqual([ticket.spi, ticket.peerSpi, ticket.class], [toAnn.localSpi, toAnn.remoteSpi, RELAY_CLASS.high]);
  assert.equal(Number(ticket.expiresAt - ticket.issuedAt), 24 * 3600 * 1000);
  assert.ok(verifyEd25519(test.pin.ed25519, ticketSignatureInput(ticketBody(offer.ticket)), ticket.signature));
  assert.notDeepEqual(offer.bindSecret, other.bindSecret);
  assert.deepEqual(offer.bindSecret, bindSecretBy(test, offer));
  await close();
});

/** What the relay computes. */
function bindSecretBy(test: TestServer, { ticket }: RelayOffer): Uint8Array {
  const relayKey = Deno.readFileSync(`${test.dataDir}/relay.key`).slice(16);
  return hmac("sha256", relayKey, bindSecretInput(ticketBody(ticket)));
}

Deno.test("GET TICKETS renews the tickets of one's own tunnels only", async () => {
  await using test = await startTestServer();
  const { ann, bob, close } = await pair(test);
  await using eve = await test.join();
  const [{ localSpi, remoteSpi }] = await meet(ann, bob);
  const { relays } = await ann.ask("getTickets", { localSpi });
  assert.equal(ticketCodec.decode(relays[0]!.ticket).spi, localSpi);
  for (const [client, spi] of [[ann, remoteSpi], [eve, localSpi], [ann, 256]] as const) {
    assert.equal((await client.request("getTickets", { localSpi: spi })).code, RESULT_CODE.peerNotFound);
  }
  await close();
});

Deno.test("The relay takes the server's tickets, and takes them no more when the tunnel has ended", async () => {
  await using test = await startTestServer();
  const { ann, bob, networkId, close } = await pair(test);
  const [{ localSpi, relays }] = await meet(ann, bob);
  const relay = new RelayClient(test.server.relayPort, relays[0]!);
  assert.equal(relayDatagrams.bound.decode(await relay.bind()).spi, localSpi);
  await bob.must("leave", { networkId });
  assert.equal(relayDatagrams.refused.decode(await relay.bind()).code, BIND_REFUSED.revoked);
  relay.close();
  await close();
});

/** Binds an address at a relay. */
class RelayClient {
  readonly #socket = Deno.listenDatagram({ transport: "udp", hostname: "127.0.0.1", port: 0 });
  readonly #relay: Deno.NetAddr;
  readonly #offer: RelayOffer;

  constructor(port: number, offer: RelayOffer) {
    this.#relay = { transport: "udp", hostname: "127.0.0.1", port };
    this.#offer = offer;
  }

  async bind(): Promise<Uint8Array> {
    const { cookie } = relayDatagrams.challenge.decode(await this.#ask(new Uint8Array(16)));
    return await this.#ask(cookie);
  }

  close(): void {
    this.#socket.close();
  }

  async #ask(cookie: Uint8Array): Promise<Uint8Array> {
    const { ticket, bindSecret } = this.#offer;
    const mac = (input: Uint8Array) => hmac("sha256", bindSecret, input);
    await this.#socket.send(encodeWithMac(relayDatagrams.bind, { cookie, ticket }, mac), this.#relay);
    const [datagram] = await this.#socket.receive(new Uint8Array(2000));
    return datagram;
  }
}

Deno.test("Tunnels end with the last common network, and not before", async () => {
  await using test = await startTestServer();
  const { ann, bob, networkId, close } = await pair(test);
  const second = await bob.ask("create", { name: "Second LAN", kind: NETWORK_KIND.mesh, ...PASSWORD });
  await ann.must("join", { name: "Second LAN", ...PASSWORD });
  const [toAnn, toBob] = await meet(ann, bob);
  await bob.must("leave", { networkId });
  await ann.settled();
  assert.ok(!ann.inbox.some(({ type }) => type === "tunnelClosed"));
  await ann.must("setOnline", { networkId: second.networkId, online: false });
  const [a, b] = [await ann.next("tunnelClosed"), await bob.next("tunnelClosed")];
  assert.deepEqual([a.localSpi, b.localSpi], [toAnn.localSpi, toBob.localSpi]);
  assert.deepEqual([a.reason, b.reason], [TUNNEL_CLOSED.noCommonNetwork, TUNNEL_CLOSED.noCommonNetwork]);
  assert.equal((await ann.request("getTickets", { localSpi: toAnn.localSpi })).code, RESULT_CODE.peerNotFound);
  await close();
});

Deno.test("A tunnel outlives the control connection of one end", async () => {
  await using test = await startTestServer();
  const { ann, bob } = await pair(test);
  const [{ localSpi }] = await meet(ann, bob);
  await bob.close();
  await ann.next("member", ({ member }) => member.status === 0 && member.address === bob.address);
  assert.ok(!ann.inbox.some(({ type }) => type === "tunnelClosed"));
  assert.equal((await ann.ask("getTickets", { localSpi })).relays.length, 1);
  await using again = await test.join({ ed25519: bob.ed25519, address: bob.address });
  await ann.must("endpoints", { candidates: [local(ANN_LAN)] });
  assert.equal((await again.next("peerEndpoints")).candidates.length, 1);
  await ann.close();
});

Deno.test("ADD KEY takes a proven key, which peers are told from then on", async () => {
  await using test = await startTestServer();
  const { ann, bob, close } = await pair(test);
  const rsa = await generateRsaKeyPair();
  const keyHash = sha256(rsa.publicBlob);
  const { binding } = bob.login;
  const signed = addKeyProofInput({ keyType: KEY_TYPE.sshRsa, binding, keyHash });
  const offer = {
    keyType: KEY_TYPE.sshRsa,
    publicKey: rsa.publicBlob,
    proof: signRsa("sha256", rsa.privateKey, signed),
  };
  assert.equal((await ann.request("addKey", offer)).code, RESULT_CODE.notPermitted);
  const forged = { ...offer, proof: systemRandom().bytes(256) };
  assert.equal((await bob.request("addKey", forged)).code, RESULT_CODE.notPermitted);
  await bob.must("addKey", offer);
  const [toAnn] = await meet(ann, bob);
  assert.deepEqual(toAnn.keys.map(({ keyType }) => keyType).sort(), [KEY_TYPE.sshRsa, KEY_TYPE.ed25519]);
  await close();
});
