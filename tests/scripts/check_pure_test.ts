import assert from "node:assert/strict";
import { join } from "node:path";
import { checkPure } from "../../scripts/check_pure.ts";

async function check(source: string) {
  const folder = await Deno.makeTempDir({ prefix: "buri-pure-test-" });
  try {
    await Deno.writeTextFile(join(folder, "a.ts"), source);
    return await checkPure([folder]);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

Deno.test("checkPure finds the runtime behind a file that also imports built-ins", async () => {
  const { isPure, output } = await check(
    'import { createHash } from "node:crypto";\nexport const a = createHash("sha256");\nexport const b = Deno.pid;',
  );
  assert.equal(isPure, false);
  assert.match(output, /Cannot find name 'Deno'/);
});

Deno.test("checkPure accepts the language, the web and built-ins by name", async () => {
  const { isPure, output } = await check(
    'import { createHash } from "node:crypto";\nexport const a = createHash("sha256").update(new TextEncoder().encode("a"));',
  );
  assert.equal(isPure, true, output);
});
