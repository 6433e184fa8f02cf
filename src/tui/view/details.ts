import type { MemberView, NetworkView } from "../../ipc/mod.ts";
import { type Line, span } from "../screen.ts";
import { fitted } from "../width.ts";
import type { Model } from "./model.ts";
import { selectedRow } from "./rows.ts";
import { memberStyle, pingWords, shownBytes, shownNick, shownOwner, shownRate, shownRtt, stateWord } from "./words.ts";

type Field = readonly [name: string, value: string];

const NAME_COLUMNS = 11;

/** All about the selected row, the most wanted first; nothing where no row is selected. */
export function renderDetails(model: Model, columns: number): Line[] {
  const row = selectedRow(model);
  if (row === null) return [];
  const { member, network } = row;
  const title = member === null
    ? span(network.name, { bold: true })
    : span(member.status === "unapproved" ? member.id : shownNick(member.nick), {
      ...memberStyle(member, undefined),
      bold: true,
    });
  const fields = member === null ? networkFields(network) : memberFields(model, member);
  return [[title], ...fields.filter(([, value]) => value !== "").flatMap((field) => fieldLines(field, columns))];
}

/** A value too long for its line, an IPv6 address in a narrow pane, goes on in the next. */
function fieldLines([name, value]: Field, columns: number): Line[] {
  const label = span(fitted(name, NAME_COLUMNS), { color: "grey" });
  const shown = span(value);
  if (shown.text.length <= columns - NAME_COLUMNS) return [[label, shown]];
  return [[label], [span("  "), shown]];
}

function networkFields(network: NetworkView): Field[] {
  const online = network.members.filter(({ status }) => status === "online").length;
  return [
    ["members", `${network.memberCount} of ${network.capacity}, ${online} online`],
    ["owner", shownOwner(network.owner)],
    ["you are", network.online ? "online" : "offline"],
    ["joining", network.status],
    ["approval", network.approve],
    ["type", network.type],
    ["plan", network.subscription],
    ["encryption", network.plainTunnels ? "off where both ends agree" : ""],
    ["subnet", network.subnet ?? ""],
    ["your powers", network.owner.isSelf ? "" : network.privileges.join(", ")],
  ];
}

function memberFields(model: Model, member: MemberView): Field[] {
  if (member.status === "unapproved") return [["client id", member.id], ["status", "waits for approval"]];
  const { inPerSecond = 0, outPerSecond = 0 } = model.traffic.get(member.id) ?? {};
  const connection = member.path === null
    ? stateWord(member)
    : `${member.path} ${member.transport?.toUpperCase() ?? ""}`.trimEnd();
  return [
    ["address", member.alias ?? member.address4],
    ["", member.alias === null ? member.address6 : ""],
    ["connection", connection],
    ["round trip", shownRtt(member.rttMs)],
    ["ping", model.ping?.member === member.id ? pingWords(model.ping) : ""],
    ["endpoint", member.endpoint ?? ""],
    ["received", trafficWords(member.bytesIn, inPerSecond)],
    ["sent", trafficWords(member.bytesOut, outPerSecond)],
    ["client id", member.id],
    ["role", member.role === "member" ? "" : member.role],
    ["suite", member.suite === null ? "" : String(member.suite)],
    ["networks", networksOf(model, member)],
    ["message", member.message ?? ""],
  ];
}

function trafficWords(bytes: number, perSecond: number): string {
  const rate = shownRate(perSecond);
  return rate === "" ? shownBytes(bytes) : `${shownBytes(bytes)}, ${rate}`;
}

function networksOf({ engine }: Model, member: MemberView): string {
  if (engine.at !== "running") return "";
  const common = engine.networks.filter(({ members }) => members.some(({ id }) => id === member.id));
  return common.length < 2 ? "" : common.map(({ name }) => name).join(", ");
}
