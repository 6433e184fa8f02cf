import { concat } from "../../../src/base/bytes.ts";
import { hkdfExpand, hkdfExtract, hmac, sealAead, sha256, x25519Shared } from "../../../src/crypto/mod.ts";
import { AEAD_AES_256_GCM, AEAD_CHACHA20_POLY1305, type AeadId } from "../../../src/crypto/mod.ts";
import {
  additionalData,
  classicExchange,
  encodeDataCounter,
  encodeInnerFrame,
  encodeModernDataHeader,
  encodeModernFrameHeader,
  encodePlainFrame,
  encodeStreamCounter,
  exchangeCookieInput,
  FRAME,
  gcmNonce,
  INNER_FRAME,
  MODERN_KEY_LENGTH,
  modernClientInput,
  modernExchange,
  modernIdentityInput,
  modernKeyInfo,
  modernLogin,
  modernSignatureInput,
  type ModernTranscript,
  modernTranscriptInput,
  plainAdditionalData,
  PURPOSE,
} from "../../../src/protocol/mod.ts";
import {
  deriveModernKeys,
  identityMac,
  type ModernKeys,
  sealModern,
  signModern,
} from "../../../src/session/modern_keys.ts";
import type { ExampleBook } from "./example_book.ts";
import { ADDRESS_I, ADDRESS_R, ENDPOINT4, type Inputs, SPI_I, SPI_R } from "./inputs.ts";

const OFFERS_I = [{ aead: 1, costNs: 500 }, { aead: 2, costNs: 1500 }];
const OFFERS_R = [{ aead: 1, costNs: 700 }];
const ZERO32 = new Uint8Array(32);

/** `th` and what follows from it, with every step shown. */
function addKeys(book: ExampleBook, { modern }: Inputs, said: ModernTranscript): { th: Uint8Array; keys: ModernKeys } {
  const input = book.add("thInput", modernTranscriptInput(said));
  const th = book.add("th", sha256(input));
  const x25519Secret = book.add("x25519Secret", x25519Shared(modern.x25519PrivateI, modern.x25519R)!);
  const prk = book.add("prk", hkdfExtract(th, concat(modern.mlkemSecret, x25519Secret)));
  for (const [label, length] of Object.entries(MODERN_KEY_LENGTH)) {
    const name = label.replace(/ (.)/, (_, letter) => letter.toUpperCase());
    book.add(name, hkdfExpand(prk, modernKeyInfo(label as keyof typeof MODERN_KEY_LENGTH), length));
  }
  return { th, keys: deriveModernKeys(th, modern.mlkemSecret, x25519Secret) };
}

/** Section 5. */
export function addModernLogin(book: ExampleBook, inputs: Inputs): void {
  book.section(
    "modernLogin",
    "Suite 2, login",
    "HELO and HELO OK as frames; then AUTH and AUTH OK, each the first message of its direction; then, as if on another\n" +
      "connection with the same values, REGISTER and REGISTER OK. Both ends offer AES-256-GCM, the client ChaCha20-Poly1305 too.",
  );
  const { modern, server, initiator } = inputs;
  const negotiated = { capabilities: 0, suites: [2, 1], offers: OFFERS_I };
  const helo = modernLogin.helo.encode({ serverFingerprint: server.ed25519.fingerprint, ...negotiated, ...modern });
  book.add("helo", encodePlainFrame(FRAME.helo, helo));
  const said: ModernTranscript = {
    purpose: PURPOSE.login,
    suitesI: [2, 1],
    suitesR: [2],
    offersI: OFFERS_I,
    offersR: OFFERS_R,
    capabilitiesI: 0,
    capabilitiesR: 0,
    addressI: 0,
    addressR: 0,
    fingerprintI: ZERO32,
    fingerprintR: server.ed25519.fingerprint,
    spiI: 0,
    spiR: 0,
    epoch: 0,
    network: 0,
    binding: ZERO32,
    ...modern,
  };
  const { th, keys } = addKeys(book, inputs, said);
  const serverIdentity = { side: "r" as const, address: 0, fingerprint: server.ed25519.fingerprint };
  const heloOk = modernLogin.heloOk.encode({
    capabilities: 0,
    suites: [2],
    offers: OFFERS_R,
    ...modern,
    signature: signModern(server.ed25519.privateKey, "login server", th),
    mac: identityMac(keys, serverIdentity, th),
  });
  book.add("heloOk", encodePlainFrame(FRAME.heloOk, heloOk));
  addModernClient(book, { th, keys, ed25519: initiator.ed25519 });
}

interface LoginState {
  th: Uint8Array;
  keys: ModernKeys;
  ed25519: Inputs["initiator"]["ed25519"];
}

function addModernClient(book: ExampleBook, { th, keys, ed25519 }: LoginState): void {
  const { privateKey, publicKey, fingerprint } = ed25519;
  const protect = (name: string, key: ModernKeys["dataI"], plaintext: Uint8Array) => {
    book.add(`${name}Plaintext`, plaintext);
    const sealed = sealModern(AEAD_AES_256_GCM, key, encodeStreamCounter(0), plaintext);
    book.add(name, concat(encodeModernFrameHeader(plaintext.length), sealed));
  };
  const proof = (name: string, role: "login client" | "register client", address: number) => {
    const th2 = book.add(name, sha256(modernClientInput(th, address, fingerprint)));
    const mac = identityMac(keys, { side: "i", address, fingerprint }, th);
    return { publicKey, signature: signModern(privateKey, role, th2), mac };
  };
  protect(
    "auth",
    keys.dataI,
    modernLogin.auth.encode({ address: ADDRESS_I, ...proof("th2", "login client", ADDRESS_I) }),
  );
  protect("authOk", keys.dataR, modernLogin.authOk.encode({}));
  const registered = proof("th2Register", "register client", 0);
  protect("register", keys.dataI, modernLogin.register.encode({ nick: "zoë", ...registered }));
  protect("registerOk", keys.dataR, modernLogin.registerOk.encode({ address: ADDRESS_I }));
}

/** Sections 8.3, 9.2 and 14. */
export function addModernPeers(book: ExampleBook, inputs: Inputs): void {
  book.section(
    "modernPeers",
    "Suite 2, peers",
    "KE1 in two datagrams, COOKIE (to 203.0.113.5:40000, under `cookieSecret`), KE1a again with it, KE2 in two datagrams, KE3,\n" +
      "and the first message of each direction: an empty KEEPALIVE frame from the responder, a PROBE from the initiator. Epoch 0,\n" +
      "network 9 with `peerSecret` as binding. The same PROBE under ChaCha20-Poly1305 and in a plain tunnel (section 14).",
  );
  const peerSecret = book.made("peerSecret", 32);
  addKe1(book, inputs);
  const { th, keys } = addKeys(book, inputs, peerTranscript(inputs, peerSecret));
  addKe2AndKe3(book, inputs, { th, keys });
  addModernPackets(book, keys);
}

const NETWORK = 9;
const OF_INITIATOR = { capabilities: 1, suites: [2], offers: OFFERS_I };
const OF_RESPONDER = { capabilities: 1, suites: [2, 1], offers: OFFERS_R };

function peerTranscript({ modern, initiator, responder }: Inputs, binding: Uint8Array): ModernTranscript {
  return {
    purpose: PURPOSE.peers,
    suitesI: OF_INITIATOR.suites,
    suitesR: OF_RESPONDER.suites,
    offersI: OF_INITIATOR.offers,
    offersR: OF_RESPONDER.offers,
    capabilitiesI: OF_INITIATOR.capabilities,
    capabilitiesR: OF_RESPONDER.capabilities,
    addressI: ADDRESS_I,
    addressR: ADDRESS_R,
    fingerprintI: initiator.ed25519.fingerprint,
    fingerprintR: responder.ed25519.fingerprint,
    spiI: SPI_I,
    spiR: SPI_R,
    epoch: 0,
    network: NETWORK,
    binding,
    ...modern,
  };
}

function addKe1(book: ExampleBook, { modern }: Inputs): void {
  const hash = book.add("ekHash", sha256(modern.encapsulationKey));
  const ke1a = { spi: SPI_R, hash, epoch: 0, network: NETWORK, ...OF_INITIATOR, ...modern };
  book.add("ke1a", modernExchange.ke1a.encode({ ...ke1a, cookie: new Uint8Array(16) }));
  book.add("ke1b", modernExchange.ke1b.encode({ spi: SPI_R, ...modern }));
  const cookieInput = exchangeCookieInput(ENDPOINT4, SPI_R, modern.nonceI);
  const cookie = hmac("sha256", book.made("cookieSecret", 32), cookieInput).slice(0, 16);
  book.add("cookie", classicExchange.cookie.encode({ spi: SPI_I, cookie }));
  book.add("ke1aWithCookie", modernExchange.ke1a.encode({ ...ke1a, cookie }));
}

function addKe2AndKe3(book: ExampleBook, inputs: Inputs, { th, keys }: { th: Uint8Array; keys: ModernKeys }): void {
  const { modern, initiator, responder } = inputs;
  const ofI = { side: "i" as const, address: ADDRESS_I, fingerprint: initiator.ed25519.fingerprint };
  const ofR = { side: "r" as const, address: ADDRESS_R, fingerprint: responder.ed25519.fingerprint };
  book.add("responderSignatureInput", modernSignatureInput("peer responder", th));
  book.add("responderMacInput", modernIdentityInput("r", { ...ofR, th }));
  const ke2a = {
    spi: SPI_I,
    hash: book.add("ctHash", sha256(modern.ciphertext)),
    ...OF_RESPONDER,
    ...modern,
    signature: signModern(responder.ed25519.privateKey, "peer responder", th),
    mac: identityMac(keys, ofR, th),
  };
  book.add("ke2a", modernExchange.ke2a.encode(ke2a));
  book.add("ke2b", modernExchange.ke2b.encode({ spi: SPI_I, ...modern }));
  const signature = signModern(initiator.ed25519.privateKey, "peer initiator", th);
  book.add("ke3", modernExchange.ke3.encode({ spi: SPI_R, signature, mac: identityMac(keys, ofI, th) }));
}

function addModernPackets(book: ExampleBook, keys: ModernKeys): void {
  const counter = encodeDataCounter(0, 1);
  const protect = (name: string, aead: AeadId, spi: number, key: ModernKeys["dataI"], frame: Uint8Array) => {
    const header = encodeModernDataHeader({ spi, epoch: 0, sequence: 1 });
    book.add(name, concat(header, sealModern(aead, key, counter, frame)));
  };
  protect("keepalive", AEAD_AES_256_GCM, SPI_I, keys.dataR, encodeInnerFrame(INNER_FRAME.keepalive));
  const probe = book.add("probeFrame", Uint8Array.of(INNER_FRAME.probe, 0, 0, 0, 0, 0, 0, 0, 7));
  book.add("additionalData", additionalData(counter, probe.length));
  protect("probe", AEAD_AES_256_GCM, SPI_R, keys.dataI, probe);
  protect("probeChaCha20", AEAD_CHACHA20_POLY1305, SPI_R, keys.dataI, probe);
  const { key, salt } = keys.dataI;
  const associated = plainAdditionalData(counter, probe);
  const tag = sealAead(AEAD_AES_256_GCM, key, gcmNonce(salt, counter), associated, new Uint8Array());
  const header = encodeModernDataHeader({ spi: SPI_R, epoch: 0, sequence: 1 });
  book.add("probePlainTunnel", concat(header, probe, tag));
}
