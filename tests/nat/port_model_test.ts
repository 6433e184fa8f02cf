import { deepEqual, equal, ok } from "node:assert/strict";
import { seededRandom } from "../../src/base/random.ts";
import { guessPorts, isNarrow, modelPorts } from "../../src/nat/mod.ts";

Deno.test("modelPorts finds a constant step, and overlooks that somebody else took a port between", () => {
  deepEqual(modelPorts([20001, 20002, 20003, 20004]), { last: 20004, step: 1, low: 20001, high: 20004 });
  equal(modelPorts([20062, 20063, 20000, 20001])?.step, 1);
  equal(modelPorts([20001, 20002, 20004, 20005, 20006])?.step, 1);
  equal(modelPorts([30000, 29998, 29996])?.step, -2);
});

Deno.test("modelPorts finds no step in ports drawn at random, and no model in two", () => {
  equal(modelPorts([20041, 20007, 20060, 20013])?.step, 0);
  equal(modelPorts([20001, 20002]), null);
  equal(modelPorts([]), null);
});

Deno.test("isNarrow tells ports that can be tried one by one from all of them", () => {
  ok(isNarrow({ last: 20004, step: 1, low: 20001, high: 20004 }));
  ok(isNarrow({ last: 20004, step: 0, low: 20001, high: 20060 }));
  ok(!isNarrow({ last: 20004, step: 0, low: 3000, high: 60000 }));
});

Deno.test("guessPorts tries the next steps first, then the block, then any, and none twice", () => {
  const model = { last: 20010, step: 1, low: 20003, high: 20010 };
  const ports = guessPorts(model, 300, seededRandom(1));
  deepEqual(ports.slice(0, 3), [20011, 20012, 20013]);
  deepEqual(ports.slice(16, 24).toSorted(), [20003, 20004, 20005, 20006, 20007, 20008, 20009, 20010]);
  ok(ports.slice(24, 130).every((port) => port >= 20003 - 64 && port <= 20010 + 64));
  deepEqual([ports.length, new Set(ports).size], [300, 300]);
});

Deno.test("guessPorts covers a block of which only some ports were seen", () => {
  const ports = guessPorts({ last: 20030, step: 0, low: 20020, high: 20041 }, 200, seededRandom(1));
  for (let port = 20000; port < 20064; port++) ok(ports.includes(port), String(port));
});

Deno.test("guessPorts stays within the ports there are", () => {
  const limits = [
    { last: 65530, step: 1, low: 65520, high: 65530 },
    { last: 1030, step: -1, low: 1030, high: 1040 },
    null,
  ];
  for (const model of limits) {
    ok(guessPorts(model, 500, seededRandom(2)).every((port) => port >= 1024 && port <= 65535));
  }
  equal(guessPorts(null, 100_000, seededRandom(2)).length, 65_536 - 1024);
});

Deno.test("guessPorts hits one of 256 sockets nearly always", () => {
  const random = seededRandom(3);
  let hits = 0;
  for (let run = 0; run < 100; run++) {
    const open = new Set(guessPorts(null, 256, random));
    if (guessPorts(null, 2000, random).some((port) => open.has(port))) hits++;
  }
  ok(hits >= 99, `${hits} of 100`);
});
