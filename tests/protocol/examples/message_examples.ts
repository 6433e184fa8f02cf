import type { Random } from "../../../src/base/random.ts";
import { mlkemFromSeed } from "../../../src/crypto/mod.ts";
import { publishMessageKey, readMessageKey, sealMessage } from "../../../src/session/mod.ts";
import type { ExampleBook } from "./example_book.ts";
import type { Inputs } from "./inputs.ts";

const NETWORK = 9;

/** Section 15. */
export function addSealedMessages(book: ExampleBook, { initiator, responder }: Inputs): Uint8Array {
  book.section(
    "sealedMessages",
    "Sealed messages",
    "The responder's message key, of which `mlkemSeed` is d | z of FIPS 203, and a message of the initiator to it: in network 9,\n" +
      "bound to that network's peer secret. `ephemeral` is the private X25519 value, `m` that of FIPS 203.",
  );
  const secret = { x25519: book.made("x25519Private", 32), mlkem: book.made("mlkemSeed", 64) };
  const published = book.add("messageKey", publishMessageKey(secret, responder.ed25519, 1_700_000_000_000n));
  const receiver = readMessageKey(published, responder.ed25519.publicKey)!;
  const drawn = [book.made("ephemeral", 32), book.made("m", 32)];
  const route = {
    senderKey: initiator.ed25519.publicKey,
    receiverKey: responder.ed25519.publicKey,
    networkId: NETWORK,
    messageId: book.made("messageId", 16),
  };
  const content = { sentAt: 1_700_000_000_000n, message: "see you at nine" };
  book.add("messageText", content.message);
  book.add("decapsulationKey", mlkemFromSeed(secret.mlkem).decapsulationKey);
  const binding = { networkId: NETWORK, peerSecret: book.made("networkSecret", 32) };
  const keys = { sender: initiator.ed25519.privateKey, receiver, secret: binding };
  book.add("sealedMessage", sealMessage(route, content, keys, fixedRandom(drawn))!);
  return published;
}

/** Gives these values in their order, and no other. */
function fixedRandom(values: Uint8Array[]): Random {
  const refuse = () => {
    throw new Error("an example draws no numbers");
  };
  const bytes = (length: number) => {
    const value = values.shift();
    if (value?.length !== length) throw new Error(`no value of ${length} bytes is left`);
    return value.slice() as Uint8Array<ArrayBuffer>;
  };
  return { bytes, u32: refuse, below: refuse, unit: refuse };
}
