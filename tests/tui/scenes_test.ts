import assert from "node:assert/strict";
import { lineText, lineWidth } from "../../src/tui/screen.ts";
import { render } from "../../src/tui/view/render.ts";
import { frameFile, frameOf, HOSTILE, RUNNING, SCENES } from "./scenes.ts";

for (const [name, scene] of Object.entries(SCENES)) {
  Deno.test(`render draws the screen ${name} as its frame shows it`, async () => {
    assert.equal(frameOf(scene), await Deno.readTextFile(frameFile(name)), "deno run -A tests/tui/scenes.ts");
  });
}

Deno.test("render fills every size exactly", () => {
  for (const { model } of [...Object.values(SCENES), { model: RUNNING }]) {
    for (const columns of [1, 2, 9, 20, 39, 40, 79, 80, 99, 100, 101, 200]) {
      for (const rows of [1, 2, 3, 5, 10, 11, 12, 23, 24, 50]) {
        const lines = render(model, { columns, rows });
        assert.equal(lines.length, rows, `${columns}x${rows}`);
        for (const line of lines) assert.equal(lineWidth(line), columns, `${columns}x${rows}: ${lineText(line)}`);
      }
    }
  }
});

Deno.test("render lets no name through that steers a terminal", () => {
  for (const columns of [40, 80, 120]) {
    for (const line of render(HOSTILE, { columns, rows: 30 })) {
      // deno-lint-ignore no-control-regex -- the characters that must not be there
      assert.doesNotMatch(lineText(line), /[\u0000-\u001f\u007f-\u009f\u202e]/);
    }
  }
});
