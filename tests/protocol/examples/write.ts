/**
 * Writes the examples' files anew: `deno run -A tests/protocol/examples/write.ts`. A change in them is a change of the wire.
 *
 * @module
 */
import { JSON_FILE, makeExamples, MARKDOWN_FILE } from "./all_examples.ts";

const { markdown, json } = makeExamples();
Deno.writeTextFileSync(MARKDOWN_FILE, markdown);
Deno.writeTextFileSync(JSON_FILE, json);
