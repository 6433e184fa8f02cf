import type { EngineStatus, MemberView, NetworkView, PingReply } from "../../ipc/mod.ts";
import type { Key } from "../keys.ts";
import type { EngineState, Model, Step, Traffic } from "./model.ts";
import { onKey } from "./on_key.ts";

/** Everything that can change the model. */
export type ViewEvent =
  | { readonly on: "key"; readonly key: Key }
  /** The engine's answer to the question that is asked every second. */
  | { readonly on: "answered"; readonly status: EngineStatus; readonly networks: readonly NetworkView[] }
  | ({ readonly on: "unreachable" } & Omit<Extract<EngineState, { at: "unreachable" }>, "at">)
  /** An action has ended, well or not. */
  | { readonly on: "told"; readonly text: string; readonly isFailure: boolean }
  | { readonly on: "pinged"; readonly member: string; readonly reply: PingReply }
  /** Time has passed. */
  | { readonly on: "tick" };

/** Long enough to read a sentence. */
const NOTICE_MS = 6000;

/** Weight of the newest rate against those before it. */
const SMOOTHING = 0.6;

/** What an event makes of the model, and what the loop is to do. `now`: milliseconds on the loop's clock. */
export function onEvent(before: Model, event: ViewEvent, now: number): Step {
  const model = withTime(before, now);
  switch (event.on) {
    case "key":
      return onKey({ ...model, notice: null }, event.key); // who goes on typing has read it
    case "answered":
      return { model: answered(model, event.status, event.networks) };
    case "unreachable": {
      const { reason, detail } = event;
      return { model: { ...model, engine: { at: "unreachable", reason, detail }, traffic: new Map(), ping: null } };
    }
    case "told":
      return { model: { ...model, notice: { ...event, until: now + NOTICE_MS } } };
    case "pinged":
      return { model: { ...model, ping: countPing(model.ping, event.member, event.reply) } };
    case "tick":
      return { model };
  }
}

function withTime(model: Model, now: number): Model {
  const notice = model.notice !== null && model.notice.until <= now ? null : model.notice;
  return { ...model, now, notice };
}

function answered(model: Model, status: EngineStatus, networks: readonly NetworkView[]): Model {
  const elapsedMs = model.now - model.answeredAt;
  const members = new Map(networks.flatMap((network) => network.members.map((member) => [member.id, member])));
  const traffic = Array.from(
    members,
    ([id, member]) => [id, nextTraffic(model.traffic.get(id), member, elapsedMs)] as const,
  );
  return { ...model, engine: { at: "running", status, networks }, traffic: new Map(traffic), answeredAt: model.now };
}

/** A counter that went back belongs to an engine started anew. */
function nextTraffic(before: Traffic | undefined, { bytesIn, bytesOut }: MemberView, elapsedMs: number): Traffic {
  const isFirst = before === undefined || bytesIn < before.bytesIn || bytesOut < before.bytesOut;
  if (isFirst) return { bytesIn, bytesOut, inPerSecond: 0, outPerSecond: 0 };
  if (elapsedMs <= 0) return before;
  const rate = (was: number, is: number, old: number) => {
    const newest = (is - was) * 1000 / elapsedMs;
    return newest === 0 ? 0 : newest * SMOOTHING + (old === 0 ? newest : old) * (1 - SMOOTHING);
  };
  return {
    bytesIn,
    bytesOut,
    inPerSecond: rate(before.bytesIn, bytesIn, before.inPerSecond),
    outPerSecond: rate(before.bytesOut, bytesOut, before.outPerSecond),
  };
}

/** A reply to pings that were stopped meanwhile changes nothing. */
function countPing(ping: Model["ping"], member: string, reply: PingReply): Model["ping"] {
  if (ping?.member !== member) return ping;
  return { ...ping, sent: reply.sequence, answered: ping.answered + (reply.rttMs === null ? 0 : 1), last: reply };
}
