import type { FindingView } from "../../ipc/mod.ts";

const PATH = "/dev/net/tun";

/** Whether this user could make a tunnel device, as far as can be told without making one. */
export function checkTun(): FindingView[] {
  if (Deno.build.os !== "linux") return [];
  try {
    Deno.openSync(PATH, { read: true, write: true }).close();
    return [];
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) {
      const remedy = "Load it: modprobe tun. In a container, have it given to the container.";
      return [{ id: "tunMissing", words: `This system has no ${PATH}.`, remedy }];
    }
    const remedy = "Run Buri as root, or give it the right (setcap cap_net_admin+ep) and access to that file.";
    return [{ id: "tunForbidden", words: `This user may not use ${PATH}.`, remedy }];
  }
}
