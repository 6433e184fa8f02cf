import { concat } from "../../../src/base/bytes.ts";
import {
  deriveKeymat,
  dhShared,
  hmac,
  prfPlus,
  sealClassic,
  sha256,
  signEd25519,
  signRsa,
} from "../../../src/crypto/mod.ts";
import {
  classicAuthInput,
  classicConfirmInput,
  classicConfirmTranscript,
  classicExchange,
  classicInitiatorInput,
  classicLogin,
  classicResponderInput,
  encodeClassicDataHeader,
  encodeClassicFrameHeader,
  encodeInnerFrame,
  encodePlainFrame,
  FRAME,
  INNER_FRAME,
  KEY_TYPE,
  registerProofInput,
} from "../../../src/protocol/mod.ts";
import type { ExampleBook } from "./example_book.ts";
import { ADDRESS_I, ADDRESS_R, type Inputs, SPI_I, SPI_R } from "./inputs.ts";

type Keymat = ReturnType<typeof deriveKeymat>;

function addKeys(book: ExampleBook, { classic }: Inputs): Keymat {
  const shared = book.add("K", dhShared(classic.privateI, classic.publicValueR, classic.publicValueI)!);
  book.add("KEYMAT", prfPlus("sha1", shared, concat(classic.nonceI, classic.nonceR), 80));
  const keys = deriveKeymat(shared, classic.nonceI, classic.nonceR);
  book.add("Ke", keys.cipherKey);
  book.add("Ka", keys.macKey);
  book.add("Kc", keys.confirmKey);
  return keys;
}

/** Length of what PKCS#7 makes of a plaintext. */
const padded = (length: number): number => (Math.floor(length / 16) + 1) * 16;

function seal(book: ExampleBook, name: string, keys: Keymat, header: Uint8Array, plaintext: Uint8Array): Uint8Array {
  return book.add(name, sealClassic(header, plaintext, keys, book.made(`${name}Iv`, 16)));
}

/** Section 4. */
export function addClassicLogin(book: ExampleBook, inputs: Inputs): void {
  book.section(
    "classicLogin",
    "Suite 1, login",
    "HELO and HELO OK as frames; then REGISTER (id 1) with its answer (id 2); then, as if on another connection with the same\n" +
      "values, AUTH (id 1) with its answer (id 2). KEYMAT is T1 to T4; the iv of a message stands before it.",
  );
  const { classic, kfp, server, initiator } = inputs;
  const helo = book.add(
    "helo",
    encodePlainFrame(FRAME.helo, classicLogin.helo.encode({ ...classic, serverKfp: kfp })),
  );
  const heloOk = book.add("heloOk", encodePlainFrame(FRAME.heloOk, classicLogin.heloOk.encode(classic)));
  const keys = addKeys(book, inputs);
  const binding = book.add("binding", sha256(helo, heloOk));
  const protect = (name: string, id: number, plaintext: Uint8Array) => {
    book.add(`${name}Plaintext`, plaintext);
    seal(book, name, keys, encodeClassicFrameHeader(id, padded(plaintext.length)), plaintext);
  };
  const proofInput = (keyType: number, publicKey: Uint8Array) =>
    registerProofInput({ keyType, binding, keyHash: sha256(publicKey) });
  const rsaProof = signRsa("sha256", initiator.rsa.privateKey, proofInput(KEY_TYPE.sshRsa, initiator.rsa.publicBlob));
  const { ed25519 } = initiator;
  const ed25519Proof = signEd25519(ed25519.privateKey, proofInput(KEY_TYPE.ed25519, ed25519.publicKey));
  const offered = [
    { keyType: KEY_TYPE.sshRsa, publicKey: initiator.rsa.publicBlob, proof: book.add("rsaProof", rsaProof) },
    { keyType: KEY_TYPE.ed25519, publicKey: ed25519.publicKey, proof: book.add("ed25519Proof", ed25519Proof) },
  ];
  const serverSignature = signRsa("sha1", server.rsa.privateKey, classicResponderInput(classic));
  const ofServer = { publicKey: server.rsa.publicBlob, signature: book.add("serverSignature", serverSignature) };
  protect("register", 1, classicLogin.register.encode({ nick: "zoë", keys: offered }));
  protect("registerOk", 2, classicLogin.registerOk.encode({ address: ADDRESS_I, ...ofServer }));
  const clientSignature = signRsa("sha1", initiator.rsa.privateKey, classicAuthInput(classic));
  const signature = book.add("clientSignature", clientSignature);
  protect("auth", 1, classicLogin.auth.encode({ identity: ADDRESS_I, signature }));
  protect("authOk", 2, classicLogin.authOk.encode(ofServer));
}

/** Sections 8.2 and 9.1. */
export function addClassicPeers(book: ExampleBook, inputs: Inputs): void {
  book.section(
    "classicPeers",
    "Suite 1, peers",
    "KE1 (no cookie), KE2, KE3 with the initiator's CONFIRM (id 1), the responder's CONFIRM (id 1), and the first packet of each\n" +
      "direction (id 65): an empty KEEPALIVE frame. K and the keys are those of the login, because the nonces and exponents are.",
  );
  const { classic, initiator, responder } = inputs;
  const noConfirm = new Uint8Array(68);
  const ke1 = book.add("ke1", classicExchange.ke1.encode({ spi: SPI_R, cookie: new Uint8Array(16), ...classic }));
  const signatureR = signRsa("sha1", responder.rsa.privateKey, classicResponderInput(classic));
  const ke2 = book.add("ke2", classicExchange.ke2.encode({ spi: SPI_I, ...classic, signature: signatureR }));
  const signatureI = signRsa("sha1", initiator.rsa.privateKey, classicInitiatorInput(classic));
  const ke3 = { spi: SPI_R, ...classic, signature: signatureI };
  const unconfirmed = classicExchange.ke3.encode({ ...ke3, confirmMessage: noConfirm });
  const exchangeHash = book.add("exchangeHash", sha256(classicConfirmTranscript(ke1, ke2, unconfirmed)));
  const keys = addKeys(book, inputs);
  const confirmFrame = (role: "i" | "r") => {
    const input = classicConfirmInput({
      role,
      addressI: ADDRESS_I,
      addressR: ADDRESS_R,
      fingerprintI: initiator.rsa.fingerprint,
      fingerprintR: responder.rsa.fingerprint,
      spiI: SPI_I,
      spiR: SPI_R,
      exchangeHash,
    });
    book.add(`${role}ConfirmInput`, input);
    return book.add(`${role}ConfirmFrame`, encodeInnerFrame(INNER_FRAME.confirm, hmac("sha1", keys.confirmKey, input)));
  };
  const protect = (name: string, spi: number, id: number, frame: Uint8Array) =>
    seal(book, name, keys, encodeClassicDataHeader({ spi, id }), frame);
  const confirmI = protect("initiatorConfirm", SPI_R, 1, confirmFrame("i"));
  book.add("ke3", classicExchange.ke3.encode({ ...ke3, confirmMessage: confirmI }));
  const confirmR = protect("responderConfirm", SPI_I, 1, confirmFrame("r"));
  book.add("confirm", classicExchange.confirm.encode({ spi: SPI_I, confirmMessage: confirmR }));
  protect("packetToResponder", SPI_R, 65, encodeInnerFrame(INNER_FRAME.keepalive));
  protect("packetToInitiator", SPI_I, 65, encodeInnerFrame(INNER_FRAME.keepalive));
}
