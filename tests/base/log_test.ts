import assert from "node:assert/strict";
import { createLogger, type LogFields, type LoggerOptions, silentLogger } from "../../src/base/log.ts";

function capture(options: Partial<LoggerOptions>) {
  const lines: string[] = [];
  return {
    lines,
    logger: createLogger({ level: "debug", json: false, write: (line) => lines.push(line), ...options }),
  };
}

function oneLine(json: boolean, message: string, fields?: LogFields): string {
  const { lines, logger } = capture({ json });
  logger.info(message, fields);
  return lines.join("\n");
}

Deno.test("createLogger prints level, message and fields, quoting where needed", () => {
  const fields = { peer: "001-002-003", reason: "no answer", count: 3, spi: 4n, path: null, empty: "" };
  assert.equal(
    oneLine(false, "tunnel lost", fields),
    'info tunnel lost peer=001-002-003 reason="no answer" count=3 spi=4 path=null empty=""',
  );
});

Deno.test("createLogger prints one JSON object a line", () => {
  const line = oneLine(true, "tunnel lost", { peer: "001-002-003", bytes: 2n ** 60n });
  assert.deepEqual(JSON.parse(line), {
    level: "info",
    message: "tunnel lost",
    peer: "001-002-003",
    bytes: "1152921504606846976",
  });
});

Deno.test("createLogger does not let a field replace the level or the message", () => {
  const line = oneLine(true, "real", { message: "forged", level: "debug", time: "never", peer: 1 });
  assert.deepEqual(JSON.parse(line), { level: "info", message: "real", peer: 1 });
});

Deno.test("createLogger drops what is below its level", () => {
  const { lines, logger } = capture({ level: "warn" });
  logger.debug("a");
  logger.info("b");
  logger.warn("c");
  logger.error("d");
  assert.deepEqual(lines, ["warn c", "error d"]);
});

Deno.test("createLogger stamps events with the time it is given", () => {
  const { lines, logger } = capture({ wallMs: () => 0 });
  logger.info("begin");
  assert.deepEqual(lines, ["1970-01-01T00:00:00.000Z info begin"]);
});

Deno.test("Logger.child adds its fields to each event, the nearest winning", () => {
  const { lines, logger } = capture({});
  logger.child({ network: "one", peer: 1 }).child({ peer: 2 }).info("joined", { count: 1 });
  assert.deepEqual(lines, ["info joined network=one peer=2 count=1"]);
});

Deno.test("createLogger lets no hostile text steer the terminal, in either form", () => {
  for (const json of [false, true]) {
    const line = oneLine(json, "a\x1b[2Jb\nc", {
      nick: "x\u202ey\n",
      deep: { list: ["\x1b]0;"] },
      error: new Error("\x07"),
    });
    // deno-lint-ignore no-control-regex -- this is the list of what must not remain
    assert.doesNotMatch(line, /[\x00-\x1f\u202e]|\\u001b|\\n/);
    assert.match(line, /a\[2Jb c/);
  }
});

Deno.test("createLogger never prints bytes, which may be a key", () => {
  for (const json of [false, true]) {
    const line = oneLine(json, "x", { key: Uint8Array.of(1, 2, 3), in: { key: new Uint8Array(32) } });
    assert.match(line, /<3 bytes>/);
    assert.match(line, /<32 bytes>/);
  }
});

Deno.test("createLogger prints an error by name and message", () => {
  assert.equal(oneLine(false, "x", { error: new RangeError("too far") }), 'info x error="RangeError: too far"');
});

Deno.test("silentLogger and its children take events and print nothing", () => {
  silentLogger.error("x");
  silentLogger.child({ peer: 1 }).error("x");
});
