import * as v from "valibot";
import { type Command, defineCommand, STATE_OPTION } from "./cli/command.ts";
import { ENGINE_OPTIONS, ENGINE_READY, JOINED, runEngine } from "./cli/foreground.ts";

/** The engine in the foreground. */
export const up: Command = defineCommand({
  name: "up",
  group: "This computer",
  summary: "Run the engine in the foreground",
  details: [
    "Prints `buri up ready IPV4 IPV6` when it is logged in and its device is up. Ctrl-C, SIGTERM or `down` end it; what it " +
    "set up is undone. On its first start it makes keys and needs --server; later it remembers the server.",
  ],
  options: {
    state: STATE_OPTION.state,
    server: { value: "INVITE", summary: "Invite of the server, as `server invite` prints it; or to a network on it" },
    ...ENGINE_OPTIONS,
  },
  examples: [
    { line: "up --server buri://203.0.113.5:12975/#KEY --nick bob", does: "first start" },
    { line: "up", does: "every other start" },
    { line: "up --proxy http://bob:s3same@10.0.0.1:3128", does: "through a proxy where nothing else works" },
  ],
  json: "{ready:true,address4,address6}, once; by an invite to a network then what `join` prints",
  output: v.union([ENGINE_READY, JOINED]),
  run: (run) => runEngine(run, run.options.server),
});
