import assert from "node:assert/strict";
import { renderCommandsDoc, renderSchemaDoc } from "../../scripts/commands_doc.ts";
import { COMMANDS } from "../../src/commands/mod.ts";

Deno.test("docs/COMMANDS.md is what `deno task docs` makes of the table of commands", async () => {
  const current = await Deno.readTextFile(new URL("../../docs/COMMANDS.md", import.meta.url));
  assert.equal(current, renderCommandsDoc(current, COMMANDS), "run `deno task docs`");
});

Deno.test("docs/schema/buri.schema.json is what `deno task docs` makes of the table of commands", async () => {
  const current = await Deno.readTextFile(new URL("../../docs/schema/buri.schema.json", import.meta.url));
  assert.equal(current, renderSchemaDoc(COMMANDS), "run `deno task docs`");
});

Deno.test("renderCommandsDoc keeps what is written by hand and refuses a document without its marker", async () => {
  const current = await Deno.readTextFile(new URL("../../docs/COMMANDS.md", import.meta.url));
  const edited = renderCommandsDoc(`Written by hand.\n${current}`, []);
  assert.ok(edited.startsWith("Written by hand.\n# Commands\n"));
  assert.ok(!edited.includes("buri create"), "the table was empty");
  assert.throws(() => renderCommandsDoc("# Commands\n", COMMANDS), /marker line is gone/);
});
