/** Steps that Buri's own commands do. @module */
import { check, type Member, type PingLine, readJson, runShown, shownMs, waitFor } from "./checks.ts";
import type { Stage } from "./stage.ts";
import type { Computer } from "./scene.ts";

const NICKS = ["alice-lighthouse", "bob-waterwheel"];
const NETWORK = "garden party";
/** Relative to the run's own folder. */
const SERVER_FOLDER = "./server";
const PASSWORD = "marmalade-4711";
const READY_TIMEOUT_MS = 20_000;
const PING_COUNT = 5;
const PING_TIMEOUT_MS = 1000;
const STOP_WITHIN_MS = 2000;
const DIRECT_TIMEOUT_MS = 15_000;

/** Texts that nobody on the Internet may read. */
export const SECRETS = [...NICKS, NETWORK, PASSWORD];

/** Starts the server and reads its invite. */
export async function startServer(stage: Stage): Promise<void> {
  await launchServer(stage);
  const args = ["server", "invite", "--data", SERVER_FOLDER];
  const { stdout } = await runShown(stage.scene, stage.narrator, stage.server, args);
  stage.invite = stdout.trim();
  check(/^buri:\/\/.+#.+$/.test(stage.invite), `"${stage.invite}" is no invite`);
}

/** Starts the server process and waits until it serves. Ports are fixed in the laboratory and any elsewhere. */
export async function launchServer(stage: Stage): Promise<void> {
  const { scene, narrator, server, ground, serverAddress } = stage;
  const anyPorts = ["--udp", "0", "--udp2", "0", "--relay", "0"];
  // A restarted server is looked for where it was before.
  const port = /:(\d+)\/#/.exec(stage.invite)?.[1] ?? (ground.hasNetworks ? "12975" : "0");
  const args = ["server", "--data", SERVER_FOLDER, "--listen", `${serverAddress}:${port}`];
  if (!ground.hasNetworks) args.push(...anyPorts);
  stage.serverProcess = scene.startBuri(server, args, "the server");
  const [line] = await stage.serverProcess.waitForLine(/^buri server ready (\S+):(\d+)$/, READY_TIMEOUT_MS);
  narrator.show(server.name, `buri ${args.join(" ")} &`, [line]);
}

/** Starts both engines for the first time, one after the other, so that their output can be followed. */
export async function startMembers(stage: Stage): Promise<void> {
  for (const [index, { computer }] of stage.homes.entries()) {
    stage.members.push(await startMember(stage, computer, NICKS[index]!));
  }
  const [one, other] = stage.members as [Member, Member];
  check(one.address4 !== other.address4, "both computers got the same address");
}

async function startMember(stage: Stage, computer: Computer, nick: string): Promise<Member> {
  const { scene, narrator, invite, ground } = stage;
  const startedAt = performance.now();
  const args = ["up", "--server", invite, "--nick", nick, ...(ground.hasTun ? [] : ["--device", "none"])];
  const engine = scene.startBuri(computer, args, `the engine of ${computer.name}`);
  const ready = await engine.waitForLine(/^buri up ready (\S+) (\S+)$/, READY_TIMEOUT_MS);
  narrator.show(computer.name, `buri ${args.join(" ")} &`, [ready[0]]);
  narrator.measure(`${computer.name}ReadyMs`, Math.round(performance.now() - startedAt));
  return { ...computer, nick, engine, address4: ready[1]!, address6: ready[2]! };
}

/** Makes the network and lets the second member in. */
export async function createNetwork({ scene, narrator, members }: Stage): Promise<void> {
  const [one, other] = members as [Member, Member];
  const made = await runShown(scene, narrator, one, ["create", NETWORK, PASSWORD]);
  check(made.stdout.includes(".. ok"), "the network was not made");
  const refused = await runShown(scene, narrator, other, ["join", NETWORK, "guess"], 1);
  check(refused.stdout.includes(".. failed, invalid password"), "the wrong password was not refused as such");
  const joined = await runShown(scene, narrator, other, ["join", NETWORK, PASSWORD]);
  check(joined.stdout.includes(".. ok"), "the right password was refused");
}

/** The part of `buri list --json` that the demo reads. */
interface NetworkLine {
  name: string;
  members: { nick: string; address4: string; status: string }[];
}

/** Shows both lists, each with the other member online in it. */
export async function showLists({ scene, narrator, members }: Stage): Promise<void> {
  for (const [index, member] of members.entries()) {
    const peer = members[1 - index]!;
    await waitFor(`${member.name} seeing ${peer.nick} online`, READY_TIMEOUT_MS, async () => {
      const networks = await readJson<NetworkLine[]>(scene, member, ["list"]);
      const entry = networks?.find(({ name }) => name === NETWORK)?.members.find(({ nick }) => nick === peer.nick);
      return entry?.status === "online" && entry.address4 === peer.address4 ? entry : null;
    });
    const { stdout } = await runShown(scene, narrator, member, ["list"]);
    check(
      stdout.includes(peer.nick) && stdout.includes(peer.address4),
      `the list of ${member.name} lacks ${peer.nick}`,
    );
  }
}

/** Pings through both overlay families and over a direct path. */
export async function pingEachOther({ scene, narrator, members, ground }: Stage): Promise<void> {
  const [one, other] = members as [Member, Member];
  await waitFor("a direct path", DIRECT_TIMEOUT_MS, async () => {
    const { stdout } = await scene.runBuri(one, ["ping", other.nick, "-c", "2", "-i", "0.1", "--json"]);
    const lines = stdout.trim().split("\n").filter((line) => line !== "").map((line): PingLine => JSON.parse(line));
    return lines.at(-1)?.path === "direct" ? true : null;
  });
  await runShown(scene, narrator, one, ["ping", other.nick, "-c", "3", "-i", "0.2"]);
  if (!ground.hasTun) return;
  for (const [version, address] of [["IPv4", other.address4], ["IPv6", other.address6]] as const) {
    using echo = scene.echo(one, address);
    const rtts = Array.from({ length: PING_COUNT }, () => echo.ping(PING_TIMEOUT_MS, () => performance.now()));
    const answered = rtts.filter((rtt) => rtt !== null);
    const least = Math.min(...answered);
    narrator.measure(`ping${version}Ms`, answered.length === 0 ? null : Number(least.toFixed(3)));
    narrator.say(
      `${one.name} pings ${address} (${version}): ${answered.length} of ${PING_COUNT} answered, best ${shownMs(least)}`,
    );
    check(answered.length >= PING_COUNT - 1, `${PING_COUNT - answered.length} pings over ${version} were lost`);
  }
}

/** Ends both engines as Ctrl-C would. */
export async function stopAll({ scene, narrator, members, ground }: Stage): Promise<void> {
  for (const member of members) {
    const startedAt = performance.now();
    const code = await member.engine.stop("SIGINT");
    const tookMs = performance.now() - startedAt;
    narrator.say(`${member.name}: Ctrl-C ends the engine in ${shownMs(tookMs)}, exit code ${code}`);
    check(code === 0, `the engine of ${member.name} ended with ${code}: ${member.engine.stderrLines.at(-1) ?? ""}`);
    check(tookMs < STOP_WITHIN_MS, `the engine of ${member.name} took ${shownMs(tookMs)} to end`);
    const { code: statusCode } = await scene.runBuri(member, ["status"]);
    check(statusCode === 3, `buri status without an engine ended with ${statusCode}, not 3`);
    if (!ground.hasTun || member.host === null) continue;
    const devices = member.host.netlink.links().filter(({ kind }) => kind === "tun");
    check(devices.length === 0, `${member.name} still has the device ${devices[0]?.name}`);
  }
}
