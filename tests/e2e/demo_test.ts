import assert from "node:assert/strict";
import { needs } from "../support/needs.ts";
import { assertNothingLeft, startDemo } from "../support/demo_run.ts";

Deno.test(needs("the demo cleans up when it is interrupted", "linux", "root", "netns"), async () => {
  const { child, pid } = startDemo(["--short"]);
  const reader = child.stdout.pipeThrough(new TextDecoderStream()).getReader();
  for (let text = ""; !text.includes("buri server ready");) {
    const { value, done } = await reader.read();
    assert.equal(done, false, "the demo ended before it was interrupted");
    text += value;
  }
  child.kill("SIGINT");
  const { code } = await child.status;
  while (!(await reader.read()).done);
  await child.stderr.cancel();
  assert.equal(code, 130);
  assertNothingLeft(pid);
});

Deno.test("the demo refuses arguments it does not know", async () => {
  const { child } = startDemo(["--fast"]);
  const { code, stderr } = await child.output();
  assert.equal(code, 2);
  assert.match(new TextDecoder().decode(stderr), /--fast[\s\S]*usage: deno task demo/);
});
