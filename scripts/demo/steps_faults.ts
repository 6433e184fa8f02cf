/** Steps in which something breaks. @module */
import { check, type Member, readJson, runShown, shownMs, waitFor } from "./checks.ts";
import { type Liveness, watchUntil } from "./liveness.ts";
import type { Stage } from "./stage.ts";
import { launchServer } from "./steps_network.ts";
import { fetchFile } from "./steps_traffic.ts";

const PINGS_WITHOUT_SERVER = 5;
const PING_TIMEOUT_MS = 1000;
const BACK_TIMEOUT_MS = 30_000;
const RELAY_TIMEOUT_MS = 10_000;
const DIRECT_TIMEOUT_MS = 60_000;
/** The promise is 3 s; a busy machine may be slower to look. */
const MAX_GAP_MS = 5000;
const RELAYED_MIB = 4;

/** Kills the server without warning and shows that members do not need it to talk. */
export async function killServer(stage: Stage): Promise<void> {
  const { scene, narrator, members, ground } = stage;
  const [one, other] = members as [Member, Member];
  await stage.serverProcess!.stop("SIGKILL");
  narrator.say("The server was killed with SIGKILL.");
  await runShown(scene, narrator, one, ["ping", other.nick, "-c", "3", "-i", "0.2"]);
  if (!ground.hasTun) return;
  using echo = scene.echo(other, one.address4);
  const rtts = Array.from({ length: PINGS_WITHOUT_SERVER }, () => echo.ping(PING_TIMEOUT_MS, () => performance.now()));
  const answered = rtts.filter((rtt) => rtt !== null).length;
  narrator.say(`${other.name} pings ${one.address4}: ${answered} of ${PINGS_WITHOUT_SERVER} answered`);
  check(answered === PINGS_WITHOUT_SERVER, "the tunnel lost packets when the server died");
}

/** Starts it again and touches nothing else. */
export async function restartServer(stage: Stage): Promise<void> {
  const { scene, narrator, members } = stage;
  const startedAt = performance.now();
  await launchServer(stage);
  for (const member of members) {
    await waitFor(`${member.name} logging in again`, BACK_TIMEOUT_MS, async () => {
      const status = await readJson<{ status: string }>(scene, member, ["status"]);
      return status?.status === "logged in" ? status : null;
    });
    const tookMs = performance.now() - startedAt;
    narrator.measure(`${member.name}BackMs`, Math.round(tookMs));
    narrator.say(`${member.name} is logged in again after ${(tookMs / 1000).toFixed(1)} s.`);
  }
}

/** Blocks UDP between the homes, and nothing else, while packets flow. */
export async function blockUdp(stage: Stage): Promise<void> {
  const { scene, narrator, homes, members, ground } = stage;
  const [one, other] = members as [Member, Member];
  const [oneHome, otherHome] = homes;
  const before = await watchPath(stage, "direct", RELAY_TIMEOUT_MS, () => {});
  check(before.longestGapMs < MAX_GAP_MS, "the tunnel was not alive before the block");
  const { longestGapMs } = await watchPath(stage, "relay", RELAY_TIMEOUT_MS, () => {
    scene.internet!.blockUdpBetween(oneHome!.publicAddress, otherHome!.publicAddress);
  });
  narrator.measure("gapMs", Math.round(longestGapMs));
  narrator.say(`No UDP passes from home to home any more. Longest silence in the tunnel: ${shownMs(longestGapMs)}.`);
  await runShown(scene, narrator, one, ["ping", other.nick, "-c", "3", "-i", "0.2"]);
  if (ground.hasTun) narrator.measure("megabitsPerSecond", (await fetchFile(stage, RELAYED_MIB)).megabitsPerSecond);
  check(longestGapMs < MAX_GAP_MS, `the tunnel was silent for ${shownMs(longestGapMs)}`);
}

/** Lifts the block. */
export async function unblockUdp(stage: Stage): Promise<void> {
  const { scene, narrator, members } = stage;
  const [one, other] = members as [Member, Member];
  const liveness = await watchPath(stage, "direct", DIRECT_TIMEOUT_MS, () => scene.internet!.unblock());
  narrator.measure("directAfterMs", Math.round(liveness.pathAfterMs));
  narrator.measure("gapMs", Math.round(liveness.longestGapMs));
  narrator.say(
    `Direct again after ${(liveness.pathAfterMs / 1000).toFixed(1)} s; longest silence ${
      shownMs(liveness.longestGapMs)
    }.`,
  );
  await runShown(scene, narrator, one, ["peer", other.nick]);
  check(liveness.longestGapMs < MAX_GAP_MS, `the tunnel was silent for ${shownMs(liveness.longestGapMs)}`);
}

/** Watches the tunnel from a moment before `change` until its packets take `path`. */
async function watchPath(stage: Stage, path: string, timeoutMs: number, change: () => void): Promise<Liveness> {
  const { scene, members, ground } = stage;
  const [one, other] = members as [Member, Member];
  const args = ["ping", other.nick, "-c", "0", "-i", "0.1", "--json"];
  const prober = scene.startBuri(one, args, one.name);
  const echo = ground.hasTun ? scene.echo(one, other.address4) : null;
  try {
    await prober.waitForLine(/"sequence":1,/, timeoutMs);
    change();
    return await watchUntil(path, prober, echo, timeoutMs);
  } finally {
    await prober.stop("SIGINT");
    echo?.[Symbol.dispose]();
  }
}
