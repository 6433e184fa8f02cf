import { addClassicLogin, addClassicPeers } from "./classic_examples.ts";
import { addControl, addSealedNetwork } from "./control_examples.ts";
import { addDiscovery, addInnerFrames, addRelay } from "./datagram_examples.ts";
import { ExampleBook } from "./example_book.ts";
import { addInputs } from "./inputs.ts";
import { addSealedMessages } from "./message_examples.ts";
import { addModernLogin, addModernPeers } from "./modern_examples.ts";

/** The examples for people. */
export const MARKDOWN_FILE = new URL("../../../docs/PROTOCOL_EXAMPLES.md", import.meta.url);

/** The same for programs. */
export const JSON_FILE = new URL("../../vectors/protocol.json", import.meta.url);

const INTRODUCTION = `# Examples to the Buri protocol

Section 17 of [PROTOCOL.md](PROTOCOL.md): fixed inputs, exact bytes. All values are hexadecimal with their length in bytes, but
for texts, which stand as they are. The same values are in \`tests/vectors/protocol.json\`; the tests make them anew with
the code and compare, and \`tests/vectors/check.py\`, an implementation of its own in Python, checks them without it.
`;

/** Makes all examples anew from the code. */
export function makeExamples(): { markdown: string; json: string } {
  const book = new ExampleBook();
  const inputs = addInputs(book);
  addClassicLogin(book, inputs);
  addModernLogin(book, inputs);
  addClassicPeers(book, inputs);
  addModernPeers(book, inputs);
  addInnerFrames(book);
  addDiscovery(book);
  const relay = addRelay(book, inputs);
  const joinSecret = addSealedNetwork(book, inputs);
  const messageKey = addSealedMessages(book, inputs);
  addControl(book, inputs, { joinSecret, relay, messageKey });
  return { markdown: book.toMarkdown(INTRODUCTION), json: book.toJson() };
}
