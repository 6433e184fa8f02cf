import { formatIpv4 } from "../base/ip.ts";
import type { EventFacts, MemberChangeKind } from "../ipc/chat_schema.ts";
import { type Member, MEMBER_STATUS, type NetworkHead } from "../protocol/mod.ts";
import type { KnownNetwork, NetworksView } from "./networks_view.ts";
import { formatClientId } from "./views.ts";

/** What happened between two views, as events: networks first, then members. Oneself is no member here. */
export function viewEvents(before: NetworksView, after: NetworksView, ownId: number): EventFacts[] {
  const events: EventFacts[] = [];
  for (const [networkId, network] of after.networks) {
    const former = before.networks.get(networkId);
    if (former === network) continue;
    const { name } = network.head;
    if (former === undefined) events.push({ kind: "network", network: name, change: "added" });
    else if (!isSameHead(former.head, network.head)) events.push({ kind: "network", network: name, change: "changed" });
    if (former !== undefined) events.push(...memberEvents(former, network, ownId));
  }
  for (const [networkId, { head }] of before.networks) {
    if (!after.networks.has(networkId)) events.push({ kind: "network", network: head.name, change: "gone" });
  }
  return events;
}

/** Members of a network that is new are no news of their own: `list` shows them. */
function memberEvents(before: KnownNetwork, after: KnownNetwork, ownId: number): EventFacts[] {
  const events: EventFacts[] = [];
  const tell = (member: Member, change: MemberChangeKind | null) => {
    if (change === null || member.clientId === ownId) return;
    const { clientId, nick, address } = member;
    const told = { id: formatClientId(clientId), nick, address4: formatIpv4(address) };
    events.push({ kind: "member", network: after.head.name, change, member: told });
  };
  for (const [clientId, member] of after.members) tell(member, changeOf(before.members.get(clientId), member));
  for (const [clientId, member] of before.members) if (!after.members.has(clientId)) tell(member, "left");
  return events;
}

function changeOf(before: Member | undefined, after: Member): MemberChangeKind | null {
  if (before === undefined) return "joined";
  if (before === after) return null;
  const wasOnline = before.status === MEMBER_STATUS.online;
  const isOnline = after.status === MEMBER_STATUS.online;
  if (wasOnline !== isOnline) return isOnline ? "online" : "offline";
  const isSame = before.nick === after.nick && before.role === after.role && before.status === after.status;
  return isSame ? null : "changed";
}

function isSameHead(a: NetworkHead, b: NetworkHead): boolean {
  return (Object.keys(a) as (keyof NetworkHead)[]).every((key) => a[key] === b[key]);
}
