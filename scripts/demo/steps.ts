import type { Ground } from "./ground.ts";
import type { Step } from "./stage.ts";
import { blockUdp, killServer, restartServer, unblockUdp } from "./steps_faults.ts";
import { createNetwork, pingEachOther, showLists, startMembers, startServer, stopAll } from "./steps_network.ts";
import { buildInternet, endCapture, startCapture, transferFile } from "./steps_traffic.ts";

/** The demo. */
export const STEPS: Step[] = [
  { title: "A small Internet, and two homes behind NAT", needs: ["networks"], run: buildInternet },
  { title: "Someone listens on the Internet", needs: ["networks"], run: startCapture },
  { title: "A mediation server starts", run: startServer },
  { title: "First start on two computers: each gets its addresses", run: startMembers },
  { title: "A network is made; a wrong password is refused, the right one lets in", run: createNetwork },
  { title: "Both see each other", run: showLists },
  { title: "Ping, straight from one to the other", run: pingEachOther },
  { title: "A file from the other computer's web server", needs: ["networks", "tun"], run: transferFile },
  { title: "What the listener on the Internet saw", needs: ["networks"], run: endCapture },
  { title: "The server is killed; the tunnel lives on", run: killServer },
  { title: "The server starts again; both come back by themselves", run: restartServer },
  { title: "UDP between the homes is blocked; traffic goes on over the relay", needs: ["networks"], run: blockUdp },
  { title: "The block is lifted; direct again", needs: ["networks"], run: unblockUdp },
  { title: "Both stop and leave nothing behind", run: stopAll },
];

/** The steps that can be shown on this ground. */
export function stepsFor(ground: Ground): Step[] {
  const has = { networks: ground.hasNetworks, tun: ground.hasTun };
  return STEPS.filter(({ needs = [] }) => needs.every((part) => has[part]));
}
