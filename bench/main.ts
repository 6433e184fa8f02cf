/** `deno task bench [--json] [--seconds N] [--rounds N]`: the data plane beside the bare link. Needs root and iproute2. */
import { parseArgs } from "node:util";
import { bareLink, dataPlane } from "./dataplane.ts";
import { BenchNetwork } from "./network.ts";
import { formatTable, measure } from "./run.ts";

const { values } = parseArgs({
  options: {
    json: { type: "boolean", default: false },
    seconds: { type: "string", default: "5" },
    rounds: { type: "string", default: "3" },
    pings: { type: "string", default: "600" },
  },
});

const network = await BenchNetwork.create();
try {
  const options = { seconds: Number(values.seconds), rounds: Number(values.rounds), pings: Number(values.pings) };
  const results = await measure(network, [bareLink, dataPlane("data plane")], options);
  console.log(values.json ? JSON.stringify(results, null, 2) : formatTable(results));
} finally {
  await network.remove();
}
