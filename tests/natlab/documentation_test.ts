import assert from "node:assert/strict";
import { NAT_KINDS, type NatDependence, type NatKind } from "../../src/lab/nat_kinds.ts";
import { inRoot } from "../../scripts/root.ts";

const LETTERS: Record<NatDependence, string> = {
  endpointIndependent: "EI",
  addressDependent: "AD",
  addressAndPortDependent: "APD",
};
const PORTS: Record<NatKind["ports"], string> = {
  preserved: "kept",
  random: "random",
  sequential: "+1",
  block: "random in 64",
};

Deno.test("docs/NAT.md tells of each kind what NAT_KINDS holds it to", async () => {
  const page = (await Deno.readTextFile(inRoot("docs/NAT.md"))).replaceAll(/ +/g, " ");
  for (const [id, kind] of Object.entries(NAT_KINDS)) {
    const behaviour = kind.mapping === null || kind.filtering === null
      ? "– | – | – | –"
      : `${LETTERS[kind.mapping]}M | ${LETTERS[kind.filtering]}F | ${PORTS[kind.ports]} | ${
        kind.hairpin ? "yes" : "no"
      }`;
    const tcp = kind.tcp === "all" ? "all" : kind.tcp.join(", ") || "–";
    const row = new RegExp(`^\\| ${id} \\| [^|]+ \\| ${escapeRegExp(`${behaviour} | ${tcp} |`)}$`, "m");
    assert.match(page, row, id);
  }
});

function escapeRegExp(text: string): string {
  return text.replaceAll(/[|+]/g, "\\$&");
}
