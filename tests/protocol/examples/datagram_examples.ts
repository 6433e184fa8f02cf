import { hmac, signEd25519 } from "../../../src/crypto/mod.ts";
import {
  bindSecretInput,
  CANDIDATE_KIND,
  classicExchange,
  CLOSE,
  DEFAULT_PORT,
  discovery,
  encodeInnerFrame,
  encodeWithMac,
  INNER_FRAME,
  innerFrames,
  RELAY_CLASS,
  relayCookieInput,
  relayDatagrams,
  type RelayOffer,
  ticket as ticketCodec,
  ticketBody,
  ticketSignatureInput,
} from "../../../src/protocol/mod.ts";
import type { ExampleBook } from "./example_book.ts";
import { ENDPOINT4, ENDPOINT6, type Inputs, SPI_I, SPI_R } from "./inputs.ts";

/** Section 9.3: plaintexts. */
export function addInnerFrames(book: ExampleBook): void {
  book.section(
    "frames",
    "Inner frames",
    "Plaintexts of protected datagrams, one of each type. The packet is an ICMP echo request from 10.20.1.2 to 10.20.3.5; the\n" +
      "one with a partial checksum is an UDP datagram, port 5 to 6, with an empty payload.",
  );
  const add = (name: string, type: number, body?: Uint8Array) => book.add(name, encodeInnerFrame(type, body));
  const icmp = Uint8Array.fromHex("4500001c00014000400122b20a1401020a1403050800f7fe00000001");
  const udp = Uint8Array.fromHex("4500001c00024000401122a10a1401020a1403050005000600081848");
  const messageId = book.made("messageId", 16);
  add("packet", INNER_FRAME.packet, icmp);
  add("packetPartialChecksum", INNER_FRAME.partialChecksumPacket, udp);
  add("keepalive", INNER_FRAME.keepalive);
  add("probe", INNER_FRAME.probe, innerFrames.probe.encode({ probeId: 7n, padding: new Uint8Array(0) }));
  add("probeAnswer", INNER_FRAME.probeAnswer, innerFrames.probeAnswer.encode({ probeId: 7n, endpoint: ENDPOINT4 }));
  add("mtuProbe", INNER_FRAME.mtuProbe, innerFrames.mtuProbe.encode({ probeId: 8n, padding: new Uint8Array(11) }));
  add("mtuAnswer", INNER_FRAME.mtuAnswer, innerFrames.mtuAnswer.encode({ probeId: 8n, length: 48 }));
  add("rekeyWanted", INNER_FRAME.rekeyWanted);
  add("close", INNER_FRAME.close, innerFrames.close.encode({ reason: CLOSE.leaving }));
  const chat = { messageId, networkId: 9, sentAt: 1_700_000_000_000n, message: "grüße" };
  add("chat", INNER_FRAME.chat, innerFrames.chat.encode(chat));
  add("chatAck", INNER_FRAME.chatAck, innerFrames.chatAck.encode({ messageId }));
  const candidates = [
    { kind: CANDIDATE_KIND.observed, endpoint: ENDPOINT4 },
    { kind: CANDIDATE_KIND.ipv6, endpoint: ENDPOINT6 },
  ];
  add("endpoints", INNER_FRAME.endpoints, innerFrames.endpoints.encode({ candidates }));
}

/** Section 11. */
export function addDiscovery(book: ExampleBook): void {
  book.section(
    "discovery",
    "Discovery",
    "DISCOVER with counter 3 and its answer from the first socket, TEST with counter 4, and PUNCH to the responder.",
  );
  const key = book.made("discoveryKey", 32);
  const mac = (input: Uint8Array) => hmac("sha256", key, input);
  const sessionId = book.made("sessionId", 8);
  book.add("discover", encodeWithMac(discovery.discover, { sessionId, counter: 3n, flags: 0 }, mac));
  book.add("discovered", encodeWithMac(discovery.discovered, { counter: 3n, endpoint: ENDPOINT4, socket: 1 }, mac));
  book.add("test", encodeWithMac(discovery.test, { sessionId, counter: 4n, endpoint: ENDPOINT4 }, mac));
  book.add("punch", classicExchange.punch.encode({ spi: SPI_R }));
}

/** Section 12. */
export function addRelay(book: ExampleBook, { server }: Inputs): RelayOffer {
  book.section(
    "relay",
    "Relay",
    "The initiator's ticket, its first BIND from 203.0.113.5:40000, CHALLENGE (under `relayCookieSecret`), BIND again, BOUND;\n" +
      "a refusal (code 3); UNBIND; and the frame that turns a TCP connection into a relay stream.",
  );
  const relayId = book.made("relayId", 16);
  const relayKey = book.made("relayKey", 32);
  const unsigned = {
    relayId,
    spi: SPI_I,
    peerSpi: SPI_R,
    class: RELAY_CLASS.high,
    rateKbit: 0,
    issuedAt: 1_700_000_000_000n,
    expiresAt: 1_700_086_400_000n,
    ticketId: book.made("ticketId", 16),
    signature: new Uint8Array(64),
  };
  const body = ticketBody(ticketCodec.encode(unsigned));
  const signature = signEd25519(server.ed25519.privateKey, ticketSignatureInput(body));
  const ticket = book.add("ticket", ticketCodec.encode({ ...unsigned, signature }));
  const bindSecret = book.add("bindSecret", hmac("sha256", relayKey, bindSecretInput(body)));
  const mac = (input: Uint8Array) => hmac("sha256", bindSecret, input);
  book.add("firstBind", encodeWithMac(relayDatagrams.bind, { cookie: new Uint8Array(16), ticket }, mac));
  const cookie = hmac("sha256", book.made("relayCookieSecret", 32), relayCookieInput(ENDPOINT4)).slice(0, 16);
  book.add("challenge", relayDatagrams.challenge.encode({ cookie }));
  book.add("bind", encodeWithMac(relayDatagrams.bind, { cookie, ticket }, mac));
  book.add("bound", relayDatagrams.bound.encode({ spi: SPI_I, lifetimeSeconds: 60, class: RELAY_CLASS.high }));
  book.add("refused", relayDatagrams.refused.encode({ spi: SPI_I, code: 3 }));
  book.add("unbind", encodeWithMac(relayDatagrams.unbind, { cookie, ticket }, mac));
  book.add("relayStream", Uint8Array.of(0, 0, 0, 1, 5));
  return { relayId, endpoints: [{ address: ENDPOINT4.address, port: DEFAULT_PORT.relay }], ticket, bindSecret };
}
