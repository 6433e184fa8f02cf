import assert from "node:assert/strict";
import { openTunnelDevice } from "../../src/device/mod.ts";
import { needs } from "../support/needs.ts";
import "../support/load_native.ts";

Deno.test(needs("openTunnelDevice makes a device and takes it away when closed", "linux", "root", "tun"), async () => {
  const device = openTunnelDevice("buritest%d");
  assert.match(device.name, /^buritest\d+$/);
  const path = `/sys/class/net/${device.name}/tun_flags`;
  const [TUN, NO_PI, VNET_HDR] = [1, 0x1000, 0x4000];
  const flags = Number(await Deno.readTextFile(path));
  assert.equal(flags & (TUN | NO_PI | VNET_HDR), TUN | NO_PI | VNET_HDR);
  device.close();
  device.close();
  await assert.rejects(Deno.stat(path), Deno.errors.NotFound);
});

Deno.test(needs("openTunnelDevice says what to do about a name that is taken", "linux", "root", "tun"), () => {
  const device = openTunnelDevice("buritest%d");
  assert.throws(() => openTunnelDevice(device.name), {
    name: "UserError",
    message: `Cannot make the tunnel device ${device.name}: the device or object is in use (EBUSY)`,
    hint: "Another program uses a device of this name; choose another with --device.",
    exitCode: 1,
  });
  device.close();
});

Deno.test(needs("openTunnelDevice refuses a name longer than the system takes", "linux"), () => {
  for (const name of ["", "sixteen-letters-"]) {
    assert.throws(() => openTunnelDevice(name), { name: "UserError", exitCode: 2 });
  }
});
