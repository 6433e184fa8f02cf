import { toHex, utf8 } from "../../../src/base/bytes.ts";
import { mappedIpv4, parseIpv4, parseIpv6 } from "../../../src/base/ip.ts";
import {
  dhPublicValue,
  ed25519FromSeed,
  mlkemEncapsulate,
  mlkemFromSeed,
  rsaKeyPairFromPkcs8,
  sha1,
  sha256,
  x25519FromPrivate,
} from "../../../src/crypto/mod.ts";
import { formatInvite } from "../../../src/protocol/mod.ts";
import type { ExampleBook } from "./example_book.ts";
import { INITIATOR_RSA, RESPONDER_RSA, SERVER_RSA } from "./rsa_keys.ts";

export type Inputs = ReturnType<typeof addInputs>;

export const ADDRESS_I = 0x0a140102;
export const ADDRESS_R = 0x0a140305;
export const SPI_I = 0x01020304;
export const SPI_R = 0x85060708;
export const ENDPOINT4 = { address: mappedIpv4(parseIpv4("203.0.113.5")!), port: 40000 };
export const ENDPOINT6 = { address: parseIpv6("2001:db8::5")!, port: 40001 };

/** Keys and random values that the other sections use, by their names. */
export function addInputs(book: ExampleBook) {
  book.section(
    "inputs",
    "Keys and random values",
    "A value that is said to be random is made from its name, so that nobody has to copy it: the first bytes of\n" +
      'SHA-256("buri example " | name | 0 | 0) | SHA-256("buri example " | name | 0 | 1) | … The RSA keys are PKCS#8. The\n' +
      "initiator is at 10.20.1.2 and receives on SPI 01020304, the responder is at 10.20.3.5 and receives on 85060708.\n" +
      "`ekSeed` is d | z of FIPS 203, `encapsulation` is m.",
  );
  const ed25519 = (name: string) => {
    const pair = ed25519FromSeed(book.made(`${name}Ed25519Seed`, 32));
    book.add(`${name}Ed25519`, pair.publicKey);
    return { ...pair, fingerprint: book.add(`${name}Fingerprint`, sha256(pair.publicKey)) };
  };
  const rsa = (name: string, pkcs8: Uint8Array<ArrayBuffer>) => {
    const pair = rsaKeyPairFromPkcs8(book.add(`${name}RsaPrivate`, pkcs8));
    book.add(`${name}SshRsa`, pair.publicBlob);
    return { ...pair, fingerprint: book.add(`${name}RsaFingerprint`, sha256(pair.publicBlob)) };
  };
  const server = { ed25519: ed25519("server"), rsa: rsa("server", SERVER_RSA) };
  const initiator = { ed25519: ed25519("initiator"), rsa: rsa("initiator", INITIATOR_RSA) };
  const responder = { ed25519: ed25519("responder"), rsa: rsa("responder", RESPONDER_RSA) };
  const kfp = utf8(toHex(sha1(server.rsa.publicBlob)).match(/../g)!.join(":"));
  book.add("serverKfp", kfp);
  const pin = {
    ed25519: server.ed25519.publicKey,
    rsaSha1: sha1(server.rsa.publicBlob),
    rsaSha256: server.rsa.fingerprint,
  };
  book.add("invite", formatInvite({ host: "vpn.example.org", port: 12975, pin }));
  return { server, initiator, responder, kfp, classic: classicValues(book), modern: modernValues(book) };
}

function classicValues(book: ExampleBook) {
  const privateI = book.made("xI", 40);
  const privateR = book.made("xR", 40);
  return {
    nonceI: book.made("classicNi", 128),
    nonceR: book.made("classicNr", 128),
    privateI,
    privateR,
    publicValueI: book.add("Gi", dhPublicValue(privateI)),
    publicValueR: book.add("Gr", dhPublicValue(privateR)),
  };
}

function modernValues(book: ExampleBook) {
  const x25519I = x25519FromPrivate(book.made("x25519PrivateI", 32));
  const x25519R = x25519FromPrivate(book.made("x25519PrivateR", 32));
  const mlkem = mlkemFromSeed(book.made("ekSeed", 64));
  const encapsulated = mlkemEncapsulate(mlkem.encapsulationKey, book.made("encapsulation", 32))!;
  return {
    nonceI: book.made("Ni", 32),
    nonceR: book.made("Nr", 32),
    x25519PrivateI: x25519I.privateKey,
    x25519I: book.add("Xi", x25519I.publicValue),
    x25519R: book.add("Xr", x25519R.publicValue),
    encapsulationKey: book.add("ek", mlkem.encapsulationKey),
    ciphertext: book.add("ct", encapsulated.ciphertext),
    mlkemSecret: book.add("mlkemSecret", encapsulated.secret),
  };
}
