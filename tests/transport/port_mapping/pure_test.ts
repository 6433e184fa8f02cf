import assert from "node:assert/strict";
import { checkPure } from "../../../scripts/check_pure.ts";
import { inRoot } from "../../../scripts/root.ts";

/** The sockets, the system's routes, and what brings them together with the rest. */
const EDGE = ["gateway.ts", "gateway_linux.ts", "mod.ts", "network.ts", "port_mapping.ts"];

Deno.test("port mapping decides and decodes without reaching for the runtime", async () => {
  const folder = inRoot("src", "transport", "port_mapping");
  const inside = [...Deno.readDirSync(folder)].map(({ name }) => name).filter((name) => !EDGE.includes(name));
  assert.ok(inside.includes("decider.ts") && inside.includes("pcp.ts"));
  const { isPure, output } = await checkPure(inside.map((name) => `${folder}/${name}`));
  assert.ok(isPure, output);
});
