import assert from "node:assert/strict";
import { type DropResult, effectiveUid, hasCapability, unprivilegedOwner } from "../../src/ffi/identity_linux.ts";
import { needs } from "../support/needs.ts";

if (Deno.build.os === "linux") effectiveUid(); // Opens libc outside of any test: it stays open.

interface Report {
  result: DropResult;
  status: string;
  canReadShadow: boolean;
  canBecomeRoot: boolean;
}

/** Drops privileges in a process of its own, which then tells what it is and whether it can get them back. */
const DROPPER = `
import { dropPrivileges } from "${new URL("../../src/ffi/identity_linux.ts", import.meta.url)}";
import { setUserId } from "${new URL("../../src/ffi/posix_linux.ts", import.meta.url)}";
const result = dropPrivileges({ uid: Number(Deno.args[0]), gid: Number(Deno.args[1]) });
const succeeds = (action) => { try { action(); return true; } catch { return false; } };
const tasks = [...Deno.readDirSync("/proc/self/task")].map((task) => Deno.readTextFileSync("/proc/self/task/" + task.name + "/status"));
console.log(JSON.stringify({
  result,
  status: tasks.join(""),
  canReadShadow: succeeds(() => Deno.readTextFileSync("/etc/shadow")),
  canBecomeRoot: succeeds(() => setUserId(0)),
}));
`;

async function dropIn(wrapper: string[], uid: number, gid: number): Promise<Report> {
  const script = await Deno.makeTempFile({ suffix: ".js" });
  try {
    await Deno.writeTextFile(script, DROPPER);
    const [command = "", ...args] = [...wrapper, Deno.execPath(), "run", "-A", "--no-lock", script, `${uid}`, `${gid}`];
    const { stdout, stderr } = await new Deno.Command(command, { args }).output();
    const text = new TextDecoder().decode(stdout);
    assert.notEqual(text, "", new TextDecoder().decode(stderr));
    return JSON.parse(text);
  } finally {
    await Deno.remove(script);
  }
}

Deno.test(
  needs("dropPrivileges leaves no thread an id, a group or a capability of root", "linux", "root"),
  async () => {
    const { result, status, canReadShadow, canBecomeRoot } = await dropIn([], 65534, 65533);
    assert.deepEqual(result, { outcome: "dropped", to: { uid: 65534, gid: 65533 } });
    const lines = (name: string) => [...new Set(status.split("\n").filter((line) => line.startsWith(name)))];
    assert.deepEqual(lines("Uid:"), ["Uid:\t65534\t65534\t65534\t65534"]);
    assert.deepEqual(lines("Gid:"), ["Gid:\t65533\t65533\t65533\t65533"]);
    assert.deepEqual(lines("Groups:"), ["Groups:\t "]);
    assert.deepEqual(lines("CapEff:"), ["CapEff:\t0000000000000000"]);
    assert.deepEqual(lines("CapPrm:"), ["CapPrm:\t0000000000000000"]);
    assert.deepEqual([canReadShadow, canBecomeRoot], [false, false]);
  },
);

Deno.test(needs("dropPrivileges stays and says so where only one id is mapped", "linux", "userns"), async () => {
  const { result, status } = await dropIn(["unshare", "--user", "--map-root-user"], 65534, 65534);
  assert.deepEqual(result, {
    outcome: "kept",
    reason: "this user namespace has no other ids (65534:65534 is not mapped)",
  });
  assert.match(status, /^Uid:\t0\t0\t0\t0$/m);
});

Deno.test(needs("dropPrivileges refuses to become root", "linux"), async () => {
  const { result } = await dropIn([], 0, 0);
  assert.deepEqual(result, { outcome: "kept", reason: "the wished user is root itself" });
});

Deno.test(
  needs("unprivilegedOwner is the folder's owner, or nobody for a folder of root", "linux", "root"),
  async () => {
    const folder = await Deno.makeTempDir();
    try {
      assert.equal(unprivilegedOwner(folder).uid, 65534);
      await Deno.chown(folder, 4711, 4712);
      assert.deepEqual(unprivilegedOwner(folder), { uid: 4711, gid: 4712 });
    } finally {
      await Deno.remove(folder);
    }
  },
);

Deno.test(needs("hasCapability tells what root has", "linux", "root"), () => {
  assert.equal(hasCapability("NET_ADMIN"), true);
});
