import type { MemberStatus, MemberView, NetworkView, OwnerView } from "../../ipc/mod.ts";
import type { Style } from "../screen.ts";
import { drawable } from "../width.ts";
import type { PingRun, Traffic } from "./model.ts";

/** The marks of the Linux client's list. */
export const MARKS: Readonly<Record<MemberStatus, string>> = {
  offline: " ",
  online: "*",
  unreachable: "x",
  unapproved: "?",
  error: "!",
};

const STATUS_WORDS: Readonly<Record<MemberStatus, string>> = {
  offline: "offline",
  online: "online",
  unreachable: "unreachable",
  unapproved: "waits for approval",
  error: "error",
};

/** How a member stands, in a word or two: the path where there is one. */
export function stateWord(member: MemberView): string {
  if (member.status !== "online") return STATUS_WORDS[member.status];
  return member.path ?? "trying";
}

/**
 * The colours of Hamachi's window: green a direct tunnel, blinking while it is tried for, cyan a relayed one, grey offline,
 * yellow what needs attention, such as a tunnel that is not encrypted, red no path; traffic glows.
 */
export function memberStyle(member: MemberView, traffic: Traffic | undefined): Style {
  const bold = traffic !== undefined && traffic.inPerSecond + traffic.outPerSecond > 0;
  switch (member.status) {
    case "offline":
      return { color: "grey" };
    case "unreachable":
      return { color: "red" };
    case "unapproved":
    case "error":
      return { color: "yellow" };
    case "online":
      if (member.path === null) return { color: "green", blink: true };
      if (member.encrypted === false) return { color: "yellow", bold };
      return { color: member.path === "direct" ? "green" : "cyan", bold };
  }
}

/** Who has set no nickname is anonymous. */
export function shownNick(nick: string): string {
  const shown = drawable(nick).trim();
  return shown === "" ? "anonymous" : shown;
}

/** `this computer`, or nickname and id. */
export function shownOwner({ isSelf, nick, id }: OwnerView): string {
  return isSelf ? "this computer" : `${shownNick(nick)} (${id})`;
}

/** All words by which a member can be found. */
export function wordsOfMember(member: MemberView): string {
  const { id, nick, address4, address6, alias, status, transport } = member;
  return [id, shownNick(nick), address4, address6, alias ?? "", status, stateWord(member), transport ?? ""].join(" ");
}

/** `12 ms`; "" when it is unknown. */
export function shownRtt(rttMs: number | null): string {
  if (rttMs === null) return "";
  return `${rttMs < 10 ? rttMs.toFixed(1) : Math.round(rttMs)} ms`;
}

const UNITS = ["B", "KiB", "MiB", "GiB", "TiB"] as const;

/** `1.5 MiB`: three or four digits and a unit. */
export function shownBytes(bytes: number): string {
  let [value, unit] = [bytes, 0];
  for (; value >= 1000 && unit < UNITS.length - 1; unit++) value /= 1024;
  return `${unit === 0 || value >= 100 ? Math.round(value) : value.toFixed(1)} ${UNITS[unit]}`;
}

/** `1.2 MiB/s`; "" when nothing flows. */
export function shownRate(bytesPerSecond: number): string {
  return bytesPerSecond < 1 ? "" : `${shownBytes(bytesPerSecond)}/s`;
}

/** How a run of pings goes. */
export function pingWords({ nick, sent, answered, last }: PingRun): string {
  if (last === null) return `ping ${nick} …`;
  const answer = last.rttMs === null ? "no answer" : `${shownRtt(last.rttMs)} ${last.path ?? ""}`.trimEnd();
  return `${answer}, ${answered} of ${sent} from ${nick}`;
}

/** What needs to be known of who may join. */
export function accessWords({ status, approve }: NetworkView): string {
  return [...(status === "locked" ? ["locked"] : []), ...(approve === "manual" ? ["approval"] : [])].join(", ");
}
