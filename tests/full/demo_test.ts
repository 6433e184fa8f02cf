import assert from "node:assert/strict";
import { needs } from "../support/needs.ts";
import { runDemo } from "../support/demo_run.ts";

/** Root's user id without its rights: what is left is an ordinary user who may map that id into a user namespace. */
const ORDINARY_USER = ["setpriv", "--bounding-set=-all,+setfcap"];
/** Not even that. */
const POOR_USER = ["setpriv", "--bounding-set=-all"];

Deno.test(
  needs("the short demo shows all its steps and leaves nothing behind", "linux", "root", "netns", "tun"),
  async () => {
    const { leftOut, steps } = await runDemo(["--short"]);
    assert.deepEqual(leftOut, []);
    assert.equal(steps.length, 14);
    const measures = Object.assign({}, ...steps.map((step) => step.measures));
    assert.equal(measures.fileBytes, 8 << 20);
    assert(measures.gapMs < 5000 && measures.bytes > 8 << 20);
  },
);

Deno.test(needs("the demo runs in under 90 s", "linux", "root", "netns", "tun"), async () => {
  const { seconds, steps } = await runDemo([]);
  assert(seconds < 90, `${seconds} s`);
  assert.equal(Object.assign({}, ...steps.map((step) => step.measures)).fileBytes, 64 << 20);
});

Deno.test(
  needs("an ordinary user sees the whole demo in namespaces of its own", "linux", "root", "userns", "tun"),
  async () => {
    const { leftOut, steps } = await runDemo(["--short"], ORDINARY_USER);
    assert.deepEqual(leftOut, []);
    assert.equal(steps.length, 14);
  },
);

Deno.test(
  needs("without any rights the demo says what it leaves out and shows the rest", "linux", "root"),
  async () => {
    const { leftOut, steps } = await runDemo(["--short"], POOR_USER);
    assert.equal(leftOut.length, 1);
    assert.match(leftOut[0]!, /^NATs and TUN devices, because /);
    assert.deepEqual(steps.map(({ title }) => title.split(/[,:;]/)[0]), [
      "A mediation server starts",
      "First start on two computers",
      "A network is made",
      "Both see each other",
      "Ping",
      "The server is killed",
      "The server starts again",
      "Both stop and leave nothing behind",
    ]);
  },
);
