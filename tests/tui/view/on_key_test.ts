import assert from "node:assert/strict";
import { seededRandom } from "../../../src/base/random.ts";
import { BINDINGS, liveBindings } from "../../../src/tui/view/bindings.ts";
import type { Action, Model } from "../../../src/tui/view/model.ts";
import { onEvent } from "../../../src/tui/view/on_event.ts";
import { onKey } from "../../../src/tui/view/on_key.ts";
import { render } from "../../../src/tui/view/render.ts";
import { selectedRow } from "../../../src/tui/view/rows.ts";
import { sampleMember, sampleNetwork, sampleStatus } from "../../support/sample_views.ts";
import { after, EMPTY, keys, pressed, RUNNING } from "../scenes.ts";

/** The actions of keys, in order. */
function actionsOf(model: Model, ...presses: string[]): Action[] {
  const actions: Action[] = [];
  for (const key of keys(...presses)) {
    const step = onKey(model, key);
    model = step.model;
    if (step.action !== undefined) actions.push(step.action);
  }
  return actions;
}

/** The running engine with this row selected. */
function at(nick: string, model = RUNNING): Model {
  const rows = ["down", "down", "down", "down", "down", "down", "down"];
  for (let count = 0; count <= rows.length; count++) {
    const moved = pressed(model, "home", ...rows.slice(0, count));
    const row = selectedRow(moved);
    if ((row?.member === null ? row.network.name : row?.member.nick) === nick) return moved;
  }
  return assert.fail(`no row is called ${nick}`);
}

Deno.test("onKey asks for what the person means, by key", () => {
  const network = "game night";
  const bob = "090-123-456";
  const cases: [Model, string[], Action[]][] = [
    [RUNNING, ["n", "office", "enter", "s3same", "enter"], [{ do: "join", network: "office", password: "s3same" }]],
    [RUNNING, ["n", "office", "enter", "enter"], [{ do: "join", network: "office", password: "" }]],
    [RUNNING, ["c", "shed", "enter", "pw", "enter", "pw", "enter"], [{
      do: "create",
      network: "shed",
      password: "pw",
    }]],
    [RUNNING, ["c", "shed", "escape", "q"], [{ do: "quit" }]],
    [at("game night"), ["l", "y"], [{ do: "delete", network }]],
    [at("game night"), ["l", "n"], []],
    [at("office"), ["l", "y"], [{ do: "leave", network: "office" }]],
    [at("office"), ["o"], [{ do: "goOnline", network: "office" }]],
    [at("bob"), ["o"], [{ do: "goOffline", network }]],
    [RUNNING, ["O"], [{ do: "logout" }]],
    [at("bob"), ["p"], [{ do: "ping", member: bob }]],
    [at("bob"), ["p", "p"], [{ do: "ping", member: bob }, { do: "stopPing" }]],
    [at("bob"), ["m", "hello", "enter"], [{ do: "send", to: bob, kind: "peer", text: "hello" }]],
    [at("office"), ["m", "hi all", "enter"], [{ do: "send", to: "office", kind: "network", text: "hi all" }]],
    [at("bob"), ["e", "y"], [{ do: "evict", network, member: bob }]],
    [at(""), ["a"], [{ do: "approve", network, member: "090-123-461" }]],
    [at(""), ["r", "y"], [{ do: "reject", network, member: "090-123-461" }]],
    [at("bob"), ["y"], [{ do: "copy", text: "10.77.0.2" }]],
    [at("bob"), ["Y"], [{ do: "copy", text: "fd12:3456:789a::a4d:2" }]],
    [at("office"), ["y"], [{ do: "copy", text: "10.77.0.1" }]],
    [RUNNING, ["ctrl-l", "ctrl-z", "ctrl-c"], [{ do: "redraw" }, { do: "suspend" }, { do: "quit" }]],
    [pressed(RUNNING, "?"), ["q", "q"], [{ do: "quit" }]],
    [pressed(RUNNING, "i"), ["q", "q"], [{ do: "quit" }]],
    [pressed(RUNNING, "/"), ["q"], []],
  ];
  for (const [model, presses, actions] of cases) {
    assert.deepEqual(actionsOf(model, ...presses), actions, presses.join());
  }
});

Deno.test("onKey leaves alone what cannot be done", () => {
  assert.deepEqual(actionsOf(at("bob"), "a", "r", "y").length, 1, "bob waits for nothing; only his address is copied");
  assert.deepEqual(actionsOf(at(""), "p", "y", "e", "y"), [], "nobody is there yet");
  assert.deepEqual(actionsOf(EMPTY, "n", "c", "l", "o", "O", "p", "a", "r", "e", "y", "s", "/"), []);
  const offline = after(EMPTY, { on: "answered", status: sampleStatus({ status: "offline" }), networks: [] });
  assert.deepEqual(actionsOf(offline, "n", "c", "O"), [{ do: "login" }]);
});

Deno.test("onKey offers powers over members to owners and to administrators who have them", () => {
  const waiting = sampleMember({ status: "unapproved", nick: "" });
  const seen = (privileges: ("approve" | "evict")[]) => {
    const networks = [sampleNetwork({ privileges, members: [waiting] })];
    return pressed(after(EMPTY, { on: "answered", status: sampleStatus(), networks }), "down");
  };
  assert.deepEqual(actionsOf(seen([]), "a", "r", "y"), []);
  assert.deepEqual(actionsOf(seen(["evict"]), "a"), []);
  assert.equal(actionsOf(seen(["approve"]), "a")[0]?.do, "approve");
});

Deno.test("onKey folds networks, sorts, and finds while one types", () => {
  assert.deepEqual([...pressed(at("bob"), "left").collapsed], ["game night"]);
  assert.equal(selectedRow(pressed(at("bob"), "left"))?.member, null, "the selection stays in sight");
  assert.deepEqual([...pressed(at("bob"), "left", "right").collapsed], []);
  assert.deepEqual(["s", "s", "s"].map((_, count) => pressed(RUNNING, ..."sss".slice(0, count + 1)).sort), [
    "status",
    "traffic",
    "name",
  ]);
  assert.equal(pressed(RUNNING, "/", "da").filter, "da");
  assert.equal(pressed(RUNNING, "/", "da", "enter", "escape").filter, "");
  assert.equal(pressed(RUNNING, "/", "da", "escape").filter, "");
});

Deno.test("onEvent takes the rate from what the counters gained, and nothing from an engine started anew", () => {
  const rate = RUNNING.traffic.get("090-123-456");
  assert.deepEqual([rate?.inPerSecond, rate?.outPerSecond], [2_500_000, 40_000]);
  const fresh = [sampleNetwork({ members: [sampleMember({ bytesIn: 10, bytesOut: 10 })] })];
  const again = after(RUNNING, { on: "answered", status: sampleStatus(), networks: fresh });
  assert.equal(again.traffic.get("090-123-456")?.inPerSecond, 0);
});

Deno.test("onEvent lets a notice stand for six seconds, or until the next key", () => {
  const told = onEvent(EMPTY, { on: "told", text: "Joined office", isFailure: false }, 1000).model;
  assert.equal(onEvent(told, { on: "tick" }, 6999).model.notice?.text, "Joined office");
  assert.equal(onEvent(told, { on: "tick" }, 7000).model.notice, null);
  const [key] = keys("down");
  assert.ok(key !== undefined);
  assert.equal(onEvent(told, { on: "key", key }, 1100).model.notice, null);
});

Deno.test("BINDINGS gives each key one meaning, and the hints those that do something now", () => {
  const all = BINDINGS.flatMap((binding) => binding.keys);
  assert.equal(new Set(all).size, all.length);
  const hints = (model: Model) => liveBindings(model).flatMap(({ hint }) => hint ?? []);
  assert.ok(hints(at("")).includes("approve"));
  assert.ok(!hints(at("bob")).includes("approve"));
  assert.deepEqual(hints(EMPTY), ["help", "quit"]);
});

Deno.test("onKey and render stand any keys in any order", () => {
  const random = seededRandom(11);
  const presses = [
    ..."up down left right home end pageup pagedown delete backspace enter escape ctrl-u".split(" "),
    ..."kjgG-+/isnclOopareyY?hxy漢 ",
  ];
  let model = RUNNING;
  for (let count = 0; count < 5000; count++) {
    const [key] = keys(presses[random.below(presses.length)] ?? "x");
    assert.ok(key !== undefined);
    model = onKey(model, key).model;
    if (count % 10 === 0) render(model, { columns: 1 + random.below(130), rows: 1 + random.below(40) });
  }
});
