import { safe } from "../../base/safe.ts";
import type { MemberStatus, MemberView, NetworkView } from "../../ipc/mod.ts";
import { cutAtBytes, padTo } from "./columns.ts";
import { PATH_WORDS, shownEndpoint4, shownMessage, shownNick, shownOwner, TRANSPORT_WORDS } from "./members.ts";

/**
 * Programs that know the Linux client ask `peer` for the whole nickname when the listed one has 25 bytes or more, and take
 * the listed one for its exact beginning.
 */
const LISTED_NICK_BYTES = 25;

/** The format has room for three digits. */
const MAX_SHOWN_COUNT = 999;

const MARKS: Readonly<Record<MemberStatus, string>> = {
  offline: " ",
  online: "*",
  unreachable: "x",
  unapproved: "?",
  error: "!",
};

/** One line per network, each followed by one line per member, in the Linux client's columns. */
export function renderList(networks: readonly NetworkView[]): string[] {
  return networks.flatMap((network) => [networkLine(network), ...network.members.map(memberLine)]);
}

/** ` * [id]name  capacity: n/m, [subnet]  subscription type: T, owner: O`: the bracket stands in column 3. */
function networkLine(network: NetworkView): string {
  const name = network.name === network.id ? "" : safe(network.name);
  const capacity = `${Math.min(network.memberCount, MAX_SHOWN_COUNT)}/${Math.min(network.capacity, MAX_SHOWN_COUNT)}`;
  const subnet = network.subnet === null ? "" : ` [${safe(network.subnet)}] `;
  const subscription = safe(network.subscription).replaceAll(",", "");
  // Readers split the line at the last "capacity: ", and an owner may call himself that.
  const owner = shownOwner(network.owner).replace(/capacity: +/g, "capacity:");
  return ` ${network.online ? "*" : " "} [${safe(network.id)}]${name}  capacity: ${capacity},${subnet}` +
    ` subscription type: ${subscription}, owner: ${owner}`;
}

/** `     * ddd-ddd-ddd   nick   address   alias: …   address   direct   UDP   endpoint   message`: the mark is in column 5. */
function memberLine(member: MemberView): string {
  const start = `     ${MARKS[member.status]} ${member.id}`;
  if (member.status === "unapproved") return start;
  return [
    start,
    ` ${padTo(cutAtBytes(shownNick(member.nick), LISTED_NICK_BYTES), 26)}`,
    member.address4.padEnd(15),
    `alias: ${member.alias ?? "not set"}`.padEnd(22),
    (member.alias === null ? member.address6 : "").padEnd(25),
    (member.path === null ? "" : PATH_WORDS[member.path]).padEnd(10),
    (member.transport === null ? "" : TRANSPORT_WORDS[member.transport]).padEnd(3),
    shownEndpoint4(member.endpoint).padEnd(21),
    shownMessage(member.message),
  ].join("  ").trimEnd();
}
