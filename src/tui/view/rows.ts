import type { MemberView, NetworkView } from "../../ipc/mod.ts";
import type { Model, Row, Sort } from "./model.ts";
import { shownNick, wordsOfMember } from "./words.ts";

const collator = new Intl.Collator("und", { numeric: true });

/** The rows in sight of the whole list: filtered, sorted, without those of collapsed networks. */
export function visibleRows(model: Model): Row[] {
  if (model.engine.at !== "running") return [];
  const accepts = parseFilter(model.filter);
  return sortedNetworks(model.engine.networks, model).flatMap((network) => rowsOf(network, accepts, model));
}

/** The selected row, the first where it is gone, null where there is none. */
export function selectedRow(model: Model): Row | null {
  const rows = visibleRows(model);
  return rows.find(({ key }) => key === model.selected) ?? rows[0] ?? null;
}

/**
 * What a filter lets through, in Haguichi's grammar: blanks and `+` mean and, `,` means or; letters of either case.
 * Nothing typed lets everything through.
 */
export function parseFilter(filter: string): (text: string) => boolean {
  const choices = filter.toLowerCase().split(",")
    .map((choice) => choice.split(/[\s+]+/).filter((word) => word !== ""))
    .filter((words) => words.length > 0);
  if (choices.length === 0) return () => true;
  return (text) => {
    const searched = text.toLowerCase();
    return choices.some((words) => words.every((word) => searched.includes(word)));
  };
}

/** A network whose own name is found stays whole; else it shows the members that are. */
function rowsOf(network: NetworkView, accepts: (text: string) => boolean, model: Model): Row[] {
  const isFiltered = model.filter !== "";
  const isFound = accepts(`${network.name} ${network.id}`);
  const members = isFound ? network.members : network.members.filter((member) => accepts(wordsOfMember(member)));
  if (isFiltered && !isFound && members.length === 0) return [];
  const head: Row = { key: `network ${network.id}`, network, member: null };
  if (model.collapsed.has(network.id) && !isFiltered) return [head];
  const rows = sortedMembers(members, model)
    .map((member): Row => ({ key: `member ${member.id} ${network.id}`, network, member }));
  return [head, ...rows];
}

function sortedNetworks(networks: readonly NetworkView[], { sort }: Model): NetworkView[] {
  const rank = (network: NetworkView) => sort === "status" && !network.online ? 1 : 0;
  return networks.toSorted((a, b) => rank(a) - rank(b) || collator.compare(a.name, b.name));
}

function sortedMembers(members: readonly MemberView[], model: Model): MemberView[] {
  const rank = RANKS[model.sort];
  return members.toSorted((a, b) =>
    rank(a, model) - rank(b, model) || collator.compare(shownNick(a.nick), shownNick(b.nick)) || (a.id < b.id ? -1 : 1)
  );
}

const STATUS_ORDER = ["online", "unreachable", "error", "unapproved", "offline"];

const RANKS: Readonly<Record<Sort, (member: MemberView, model: Model) => number>> = {
  name: () => 0,
  status: ({ status, path }) => STATUS_ORDER.indexOf(status) + (status === "online" && path !== "direct" ? 0.5 : 0),
  traffic: ({ id }, { traffic }) => {
    const { inPerSecond = 0, outPerSecond = 0 } = traffic.get(id) ?? {};
    return -(inPerSecond + outPerSecond);
  },
};
