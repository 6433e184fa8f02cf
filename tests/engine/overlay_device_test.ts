import "../support/load_native.ts";
import assert from "node:assert/strict";
import { silentLogger } from "../../src/base/log.ts";
import type { Overlay } from "../../src/dataplane/types.ts";
import type { NetworkConfiguration } from "../../src/device/addresses.ts";
import { openOverlayDevice } from "../../src/engine/overlay_device.ts";
import { needs } from "../support/needs.ts";

const overlay: Overlay = {
  virtualAddress: 0x0a070102,
  pool: { base: 0x0a070000, bits: 16 },
  prefix6: Uint8Array.of(0xfd, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0),
};

Deno.test(
  needs(
    "openOverlayDevice sets the device up once, however often it is told, and anew for other addresses",
    "tun",
    "root",
  ),
  () => {
    const done: string[] = [];
    const network = {
      routes: () => [],
      configureDevice: (settings: { address4: string | null; address6: string | null; mtu: number }) => {
        done.push(`${settings.address4} ${settings.address6} ${settings.mtu}`);
        return [];
      },
      undo: () => {
        done.push("undo");
        return { undone: [], obsolete: [], failed: [], damagedLineCount: 0 };
      },
    } as unknown as NetworkConfiguration;
    const { device, configure } = openOverlayDevice("buritest%d", network, silentLogger);
    try {
      configure(overlay, "both");
      configure({ ...overlay }, "both");
      configure({ ...overlay, virtualAddress: 0x0a070103 }, "both");
      configure({ ...overlay, virtualAddress: 0x0a070103 }, "ipv4");
      configure({ ...overlay, virtualAddress: 0x0a070103 }, "ipv6");
    } finally {
      device.close();
    }
    assert.deepEqual(done, [
      "10.7.1.2/16 fd00:0:1::a07:102/96 1400",
      "undo",
      "10.7.1.3/16 fd00:0:1::a07:103/96 1400",
      "undo",
      "10.7.1.3/16 null 1400",
      "undo",
      "null fd00:0:1::a07:103/96 1400",
    ]);
  },
);
