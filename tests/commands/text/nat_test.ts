import assert from "node:assert/strict";
import { renderNat, renderWhy } from "../../../src/commands/text/nat.ts";
import { sampleNat, sampleWhy } from "../../support/sample_views.ts";

Deno.test("renderNat says in words how the NAT behaves, and leaves out what is not known", () => {
  assert.deepEqual(renderNat(sampleNat()), [
    "  udp           : gets through",
    "  seen as       : 203.0.113.5:42000",
    "  own endpoints : 192.168.1.5:42000",
    "  nat           : yes",
    "  mapping       : the same port for every destination (easy)",
    "  filtering     : only who was sent to may answer",
    "  port          : kept",
    "  ports given   : 31000 to 58000",
    "  hairpin       : no",
    "  ipv6          : no",
  ]);
  const unknown = { observed: null, isTranslated: null, mapping: null, filtering: null, keepsPort: null } as const;
  assert.deepEqual(renderNat(sampleNat({ ...unknown, udp: false, portRange: null, hairpin: null, ipv6: true })), [
    "  udp           : blocked",
    "  own endpoints : 192.168.1.5:42000",
    "  ipv6          : yes",
  ]);
});

Deno.test("renderWhy shows cause, advice and every way that was tried", () => {
  assert.deepEqual(renderWhy(sampleWhy()), [
    "  peer          : bob 090-123-456",
    "  path          : relay",
    "  cause         : The peer's router gives each destination another port.",
    "  advice        : Switch on UPnP.",
    "  mapping here  : the same port for every destination (easy)",
    "  mapping there : another port for each destination (hard)",
    "  port search   : failed 1 times",
    "  tried:",
    "    observed  203.0.113.9:5001         12 sent, 0 answered",
    "  * relay     198.51.100.1:17771       40 sent, 39 answered, 21.5 ms",
  ]);
});
