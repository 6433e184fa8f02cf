import { equal } from "node:assert/strict";
import { needs } from "../support/needs.ts";
import { JSON_FILE, makeExamples, MARKDOWN_FILE } from "./examples/all_examples.ts";

Deno.test("The examples in docs/PROTOCOL_EXAMPLES.md and tests/vectors/protocol.json are what the code makes", () => {
  const { markdown, json } = makeExamples();
  // Compared in pieces, so that a failure names the line instead of printing both files.
  for (const [made, file] of [[markdown, MARKDOWN_FILE], [json, JSON_FILE]] as const) {
    const written = Deno.readTextFileSync(file).split("\n");
    for (const [index, line] of made.split("\n").entries()) equal(written[index], line, `${file}:${index + 1}`);
    equal(written.length, made.split("\n").length);
  }
});

Deno.test("The private exponents of the examples have 320 bits, as section 4 asks", () => {
  const { inputs } = JSON.parse(makeExamples().json) as { inputs: Record<string, string> };
  for (const name of ["xI", "xR"]) equal(parseInt(inputs[name]!.slice(0, 1), 16) >= 8, true, name);
});

Deno.test(
  needs("check.py, which shares no code with us, agrees with every example", "python-cryptography"),
  async () => {
    const script = new URL("../vectors/check.py", import.meta.url);
    const { success, stderr } = await new Deno.Command("python3", { args: [script.pathname] }).output();
    equal(success, true, new TextDecoder().decode(stderr));
  },
);
