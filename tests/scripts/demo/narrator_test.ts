import assert from "node:assert/strict";
import { type DemoRecord, Narrator } from "../../../scripts/demo/narrator.ts";

function tell(isJson: boolean, failure: Error | null): string[] {
  const lines: string[] = [];
  const narrator = new Narrator(isJson, (line) => lines.push(...line.split("\n")));
  narrator.open("Title");
  narrator.leaveOut("TUN devices");
  narrator.begin("First");
  narrator.show("alice", "buri list", [" * [net]", "\x1b[31mred"]);
  narrator.measure("rttMs", 3);
  narrator.end();
  narrator.begin("Second");
  narrator.say("A remark.");
  if (failure === null) narrator.end();
  narrator.close(failure);
  return lines;
}

Deno.test("Narrator tells people what happens and ends with demo: ok", () => {
  const lines = tell(false, null);
  assert.deepEqual(lines.slice(0, 6), [
    "Title",
    "Left out: TUN devices.",
    "",
    "1. First",
    "   alice$ buri list",
    "      * [net]",
  ]);
  assert(lines.includes("     [31mred"), "what could steer a terminal is removed");
  assert.equal(lines.at(-1), "demo: ok");
});

Deno.test("Narrator names the step that failed and why", () => {
  assert.equal(tell(false, new Error("no answer")).at(-1), 'demo: failed at "Second": no answer');
});

Deno.test("Narrator gives programs one object at the end", () => {
  const lines = tell(true, null);
  assert.equal(lines.length, 1);
  const record: DemoRecord = JSON.parse(lines[0]!);
  assert.equal(record.demo, "ok");
  assert.deepEqual(record.leftOut, ["TUN devices"]);
  assert.deepEqual(record.steps.map(({ number, title, ok }) => [number, title, ok]), [[1, "First", true], [
    2,
    "Second",
    true,
  ]]);
  assert.deepEqual(record.steps[0]!.measures, { rttMs: 3 });
  const failed: DemoRecord = JSON.parse(tell(true, new Error("no answer"))[0]!);
  assert.deepEqual([failed.demo, failed.reason, failed.steps[1]!.ok], ["Second", "no answer", false]);
});
