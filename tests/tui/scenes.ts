/** Screens to look at: frames/NAME.txt holds each as a terminal shows it. `deno run -A tests/tui/scenes.ts` writes them. */
import type { Key, KeyName } from "../../src/tui/keys.ts";
import { lineText, type Size } from "../../src/tui/screen.ts";
import { textWidth } from "../../src/tui/width.ts";
import { initialModel, type Model } from "../../src/tui/view/model.ts";
import { onEvent, type ViewEvent } from "../../src/tui/view/on_event.ts";
import { render } from "../../src/tui/view/render.ts";
import { offlineMember, sampleMember, sampleNetwork, sampleStatus } from "../support/sample_views.ts";

/** A screen and its size. */
export interface Scene {
  readonly model: Model;
  readonly size: Size;
}

/** `up`, `ctrl-c` … are named keys; one character is typed; longer text comes character by character. */
export function keys(...presses: string[]): Key[] {
  return presses.flatMap((press): Key[] =>
    NAMES.has(press)
      ? [{ kind: "named", name: press as KeyName }]
      : [...press].map((text): Key => ({ kind: "typed", text }))
  );
}

const NAMES = new Set(
  ("up down left right home end pageup pagedown delete backspace tab enter escape " +
    "ctrl-a ctrl-c ctrl-d ctrl-e ctrl-k ctrl-l ctrl-u ctrl-w ctrl-z").split(" "),
);

/** The model after events, a second apart. */
export function after(model: Model, ...events: ViewEvent[]): Model {
  return events.reduce((before, event) => onEvent(before, event, before.now + 1000).model, model);
}

/** The model after keys, all at one moment. */
export function pressed(model: Model, ...presses: string[]): Model {
  return keys(...presses).reduce((before, key) => onEvent(before, { on: "key", key }, before.now).model, model);
}

/** Nothing is known. */
export const EMPTY: Model = initialModel({ startCommand: "sudo buri up", now: 0 });

const GAME_NIGHT = sampleNetwork({
  id: "game night",
  name: "game night",
  owner: { id: "090-736-821", nick: "alice", isSelf: true },
  approve: "manual",
  memberCount: 6,
  members: [
    sampleMember({ bytesIn: 1_000_000, bytesOut: 5_000 }),
    sampleMember({
      id: "090-123-457",
      nick: "鈴木さくら",
      address4: "10.77.0.3",
      address6: "fd12:3456:789a::a4d:3",
      path: "relay",
      endpoint: "203.0.113.9:17771",
      rttMs: 87.2,
    }),
    sampleMember({ id: "090-123-460", nick: "erin 🎲", address4: "10.77.0.6", status: "unreachable", path: null }),
    offlineMember({ id: "090-123-461", nick: "", address4: "10.77.0.7", status: "unapproved" }),
    offlineMember({ id: "090-123-458", nick: "dave", address4: "10.77.0.4" }),
  ],
});

const OFFICE = sampleNetwork({
  id: "office",
  name: "office",
  online: false,
  status: "locked",
  members: [offlineMember({ id: "090-123-459", nick: "dave", address4: "10.77.0.5" })],
});

const ANSWERED: ViewEvent = { on: "answered", status: sampleStatus(), networks: [OFFICE, GAME_NIGHT] };

const MORE_TRAFFIC: ViewEvent = {
  on: "answered",
  status: sampleStatus(),
  networks: [OFFICE, {
    ...GAME_NIGHT,
    members: GAME_NIGHT.members.map((member) =>
      member.nick === "bob" ? { ...member, bytesIn: 3_500_000, bytesOut: 45_000 } : member
    ),
  }],
};

/** Two networks, traffic with one member. */
export const RUNNING: Model = after(EMPTY, ANSWERED, MORE_TRAFFIC);

const hostileText = "\u001b[2J\u001b]0;owned\u0007\u202eevil\u009b31m\r\nline";

/** Everybody and everything has a name that would steer a terminal. */
export const HOSTILE: Model = after(EMPTY, {
  on: "answered",
  status: sampleStatus({ nick: hostileText, server: hostileText }),
  networks: [sampleNetwork({
    id: hostileText,
    name: hostileText,
    owner: { id: "090-123-456", nick: hostileText, isSelf: false },
    subscription: hostileText,
    members: [sampleMember({ nick: hostileText, endpoint: hostileText, message: hostileText })],
  })],
});

const DOWN: ViewEvent = { on: "unreachable", reason: "notRunning", detail: "" };
const PING = { path: "direct", transport: "udp", endpoint: "203.0.113.5:42000" } as const;

/** By name. */
export const SCENES: Readonly<Record<string, Scene>> = {
  "list-80x16": { model: RUNNING, size: { columns: 80, rows: 16 } },
  "list-120x16-side": { model: pressed(RUNNING, "down", "down"), size: { columns: 120, rows: 16 } },
  "list-80x26-below": { model: pressed(RUNNING, "down"), size: { columns: 80, rows: 26 } },
  "list-40x10": { model: pressed(RUNNING, "down"), size: { columns: 40, rows: 10 } },
  "list-20x5": { model: RUNNING, size: { columns: 20, rows: 5 } },
  "collapsed-60x8": { model: pressed(RUNNING, "left"), size: { columns: 60, rows: 8 } },
  "by-status-60x12": { model: pressed(RUNNING, "s"), size: { columns: 60, rows: 12 } },
  "find-60x10": { model: pressed(RUNNING, "/", "dave,relay"), size: { columns: 60, rows: 10 } },
  "found-60x12": { model: pressed(RUNNING, "/", "dave", "enter"), size: { columns: 60, rows: 12 } },
  "details-40x14": {
    model: after(
      pressed(RUNNING, "down", "down", "p", "i"),
      { on: "pinged", member: "090-123-456", reply: { sequence: 1, rttMs: 12.34, ...PING } },
    ),
    size: { columns: 40, rows: 14 },
  },
  "create-60x12": { model: pressed(RUNNING, "c", "gardén 🎉"), size: { columns: 60, rows: 12 } },
  "password-60x12": { model: pressed(RUNNING, "c", "garden", "enter", "s3same"), size: { columns: 60, rows: 12 } },
  "delete-60x12": { model: pressed(RUNNING, "l"), size: { columns: 60, rows: 12 } },
  "told-60x12": {
    model: after(RUNNING, { on: "told", text: "Cannot join: invalid password", isFailure: true }),
    size: { columns: 60, rows: 12 },
  },
  "help-60x40": { model: pressed(RUNNING, "?"), size: { columns: 60, rows: 40 } },
  "looking-60x8": { model: EMPTY, size: { columns: 60, rows: 8 } },
  "not-running-60x12": { model: after(EMPTY, DOWN), size: { columns: 60, rows: 12 } },
  "not-permitted-40x10": { model: after(EMPTY, { ...DOWN, reason: "notPermitted" }), size: { columns: 40, rows: 10 } },
  "no-networks-60x8": {
    model: after(EMPTY, { on: "answered", status: sampleStatus(), networks: [] }),
    size: { columns: 60, rows: 8 },
  },
  "hostile-120x12": { model: pressed(HOSTILE, "down"), size: { columns: 120, rows: 12 } },
};

/** The screen as text, a bar behind the last column of each line. */
export function frameOf({ model, size }: Scene): string {
  return render(model, size).map((line) => {
    const text = lineText(line);
    return `${text}${" ".repeat(Math.max(0, size.columns - textWidth(text)))}|\n`;
  }).join("");
}

/** Where the frame of a scene is kept. */
export function frameFile(name: string): URL {
  return new URL(`./frames/${name}.txt`, import.meta.url);
}

if (import.meta.main) {
  await Deno.mkdir(new URL("./frames/", import.meta.url), { recursive: true });
  for (const [name, scene] of Object.entries(SCENES)) await Deno.writeTextFile(frameFile(name), frameOf(scene));
}
