/**
 * `deno task bench`: the bare link, two data planes alone, and two engines, between two namespaces. Needs root, or a user namespace
 * with /dev/net/tun. The link is a virtual one that carries trains of datagrams in one piece, which flatters every tunnel
 * that sends trains.
 *
 *     --json         the results as data, with the counters of both ends
 *     --seconds N    length of each stream (5)
 *     --rounds N     streams per subject and direction (3)
 *     --pings N      round trips per subject (1000)
 */
import { parseArgs } from "node:util";
import { bareLink, dataPlane } from "./dataplane.ts";
import { engines } from "./engines.ts";
import { formatTable, measure } from "./run.ts";

const { values } = parseArgs({
  options: {
    json: { type: "boolean", default: false },
    seconds: { type: "string", default: "5" },
    rounds: { type: "string", default: "3" },
    pings: { type: "string", default: "1000" },
  },
});

const results = await measure([bareLink, dataPlane, engines], {
  seconds: Number(values.seconds),
  rounds: Number(values.rounds),
  pings: Number(values.pings),
});
console.log(values.json ? JSON.stringify(results, null, 2) : formatTable(results));
