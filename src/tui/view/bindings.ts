import { type Form, type Question, startForm } from "../form.ts";
import { EMPTY_FIELD } from "../text_field.ts";
import type { Intent, Model, PowerName, Row, Step } from "./model.ts";
import { SORTS } from "./model.ts";
import { selectedRow, visibleRows } from "./rows.ts";
import { shownNick } from "./words.ts";

/** What a key does in the list: the help, the hints at the foot and the keys themselves read this one table. */
export interface Binding {
  /** Characters or names of keys; the first is shown. */
  readonly keys: readonly [string, ...string[]];
  /** A word for the foot of the screen; without it the key is in the help only. */
  readonly hint?: string;
  /** A line of help. */
  readonly help: string;
  /** Whether it does anything now. */
  readonly when?: (model: Model, row: Row | null) => boolean;
  /** What comes of it. */
  readonly press: (model: Model, row: Row | null) => Step;
}

/** Rows that a page key moves by. */
const PAGE = 10;

const isRunning = ({ engine }: Model) => engine.at === "running";
const isLoggedIn = ({ engine }: Model) => engine.at === "running" && engine.status.status === "logged in";
const hasNetwork = (model: Model, row: Row | null) => isLoggedIn(model) && row !== null;
const hasAddress = (model: Model, row: Row | null) => isRunning(model) && row?.member?.status !== "unapproved";
const hasPeer = (model: Model, row: Row | null) => hasAddress(model, row) && (row?.member ?? null) !== null;

const NAME: Question = { kind: "text", label: "Network" };

/** All keys of the list, in the order in which help lists them. */
export const BINDINGS: readonly Binding[] = [
  { keys: ["up", "k"], help: "one row up", press: (model) => move(model, -1) },
  { keys: ["down", "j"], help: "one row down", press: (model) => move(model, 1) },
  { keys: ["pageup"], help: "a page up", press: (model) => move(model, -PAGE) },
  { keys: ["pagedown"], help: "a page down", press: (model) => move(model, PAGE) },
  { keys: ["home", "g"], help: "to the first row", press: (model) => move(model, -Infinity) },
  { keys: ["end", "G"], help: "to the last row", press: (model) => move(model, Infinity) },
  { keys: ["left", "-"], help: "hide the members of a network", press: (model, row) => fold(model, row, true) },
  { keys: ["right", "+"], help: "show them", press: (model, row) => fold(model, row, false) },
  { keys: ["enter", "i"], help: "details", when: (_, row) => row !== null, press: showDetails },
  { keys: ["/"], hint: "find", help: "find: blank = and, comma = or", when: isRunning, press: openFilter },
  { keys: ["escape"], help: "show all again", when: ({ filter }) => filter !== "", press: clearFilter },
  { keys: ["s"], hint: "sort", help: "sort by name, status or traffic", when: isRunning, press: nextSort },
  {
    keys: ["n"],
    hint: "join",
    help: "join a network",
    when: isLoggedIn,
    press: (model) => openForm(model, "Join a network", { do: "join" }, [NAME, password("Password, Enter for none")]),
  },
  {
    keys: ["c"],
    hint: "create",
    help: "create a network",
    when: isLoggedIn,
    press: (model) =>
      openForm(model, "Create a network", { do: "create" }, [NAME, password("Password, Enter for none", true)]),
  },
  { keys: ["l"], help: "leave the network, or delete an own one", when: hasNetwork, press: leaveOrDelete },
  { keys: ["o"], hint: "on/off", help: "go online or offline in the network", when: hasNetwork, press: toggleOnline },
  { keys: ["O"], help: "log in, or out of all networks", when: isRunning, press: toggleLogin },
  { keys: ["p"], hint: "ping", help: "ping the member; again to stop", when: hasPeer, press: togglePing },
  { keys: ["m"], hint: "message", help: "write to the member, or to all of the network", when: canWrite, press: write },
  { keys: ["a"], hint: "approve", help: "let a member in that waits", when: canDecide("approve"), press: approve },
  {
    keys: ["r"],
    hint: "reject",
    help: "send it away",
    when: canDecide("reject"),
    press: (m, row) => part(m, row, "reject"),
  },
  { keys: ["e"], help: "evict a member", when: canEvict, press: (m, row) => part(m, row, "evict") },
  { keys: ["y"], hint: "copy", help: "copy the IPv4 address", when: hasAddress, press: (m, row) => copy(m, row, 4) },
  { keys: ["Y"], help: "copy the IPv6 address", when: hasAddress, press: (m, row) => copy(m, row, 6) },
  { keys: ["ctrl-l"], help: "draw the screen anew", press: (model) => ({ model, action: { do: "redraw" } }) },
  { keys: ["ctrl-z"], help: "suspend", press: (model) => ({ model, action: { do: "suspend" } }) },
  { keys: ["?", "h"], hint: "help", help: "this page", press: (model) => at(model, { at: "help", top: 0 }) },
  { keys: ["q", "ctrl-c"], hint: "quit", help: "quit", press: (model) => ({ model, action: { do: "quit" } }) },
];

/** The bindings that do something now. */
export function liveBindings(model: Model): Binding[] {
  const row = selectedRow(model);
  return BINDINGS.filter(({ when }) => when === undefined || when(model, row));
}

function at(model: Model, mode: Model["mode"]): Step {
  return { model: { ...model, mode } };
}

function move(model: Model, by: number): Step {
  const rows = visibleRows(model);
  const from = Math.max(0, rows.findIndex(({ key }) => key === model.selected));
  const to = rows[Math.min(rows.length - 1, Math.max(0, from + by))];
  return { model: to === undefined ? model : { ...model, selected: to.key } };
}

function fold(model: Model, row: Row | null, isHidden: boolean): Step {
  if (row === null) return { model };
  const collapsed = new Set(model.collapsed);
  if (isHidden) collapsed.add(row.network.id);
  else collapsed.delete(row.network.id);
  return { model: { ...model, collapsed, selected: isHidden ? `network ${row.network.id}` : row.key } };
}

function showDetails(model: Model): Step {
  return at(model, { at: "details" });
}

function openFilter(model: Model): Step {
  return at(model, { at: "filter", field: { ...EMPTY_FIELD, before: model.filter } });
}

function clearFilter(model: Model): Step {
  return { model: { ...model, filter: "" } };
}

function nextSort(model: Model): Step {
  const sort = SORTS[(SORTS.indexOf(model.sort) + 1) % SORTS.length] ?? SORTS[0];
  return { model: { ...model, sort } };
}

function password(label: string, twice = false): Question {
  return { kind: "secret", label, twice };
}

function openForm(model: Model, title: string, intent: Intent, questions: Form["questions"]): Step {
  return at(model, { at: "form", title, form: startForm(questions), intent });
}

function leaveOrDelete(model: Model, row: Row | null): Step {
  if (row === null) return { model };
  const { network } = row;
  const verb = network.owner.isSelf ? "delete" : "leave";
  const label = verb === "delete" ? `Delete "${network.name}" for all its members` : `Leave "${network.name}"`;
  return openForm(model, "", { do: verb, network: network.id }, [{ kind: "confirm", label }]);
}

function toggleOnline(model: Model, row: Row | null): Step {
  if (row === null) return { model };
  return { model, action: { do: row.network.online ? "goOffline" : "goOnline", network: row.network.id } };
}

function toggleLogin(model: Model): Step {
  const isOut = model.engine.at === "running" && model.engine.status.status === "offline";
  return { model, action: { do: isOut ? "login" : "logout" } };
}

function togglePing(model: Model, row: Row | null): Step {
  if (row === null || row.member === null) return { model };
  const { id: member, nick } = row.member;
  if (model.ping?.member === member) return { model: { ...model, ping: null }, action: { do: "stopPing" } };
  const ping = { member, nick: shownNick(nick), sent: 0, answered: 0, last: null };
  return { model: { ...model, ping }, action: { do: "ping", member } };
}

function canWrite(model: Model, row: Row | null): boolean {
  return hasAddress(model, row) && row !== null;
}

function write(model: Model, row: Row | null): Step {
  if (row === null) return { model };
  const { network, member } = row;
  const [to, kind] = member === null ? [network.id, "network"] as const : [member.id, "peer"] as const;
  const label = `To ${member === null ? network.name : shownNick(member.nick)}`;
  return openForm(model, "", { do: "send", to, kind }, [{ kind: "text", label }]);
}

function mayDo(model: Model, row: Row | null, power: PowerName): boolean {
  if (!isLoggedIn(model) || row === null || row.member === null) return false;
  const { owner, privileges } = row.network;
  return owner.isSelf || privileges.includes(power === "reject" ? "approve" : power);
}

function canDecide(power: "approve" | "reject"): NonNullable<Binding["when"]> {
  return (model, row) => mayDo(model, row, power) && row?.member?.status === "unapproved";
}

function canEvict(model: Model, row: Row | null): boolean {
  return mayDo(model, row, "evict") && row?.member?.status !== "unapproved";
}

function approve(model: Model, row: Row | null): Step {
  if (row === null || row.member === null) return { model };
  return { model, action: { do: "approve", network: row.network.id, member: row.member.id } };
}

/** Sends a member away, when the person confirms it. */
function part(model: Model, row: Row | null, verb: "reject" | "evict"): Step {
  if (row === null || row.member === null) return { model };
  const who = row.member.status === "unapproved" ? row.member.id : shownNick(row.member.nick);
  const label = `${verb === "reject" ? "Reject" : "Evict"} ${who} from "${row.network.name}"`;
  const intent: Intent = { do: verb, network: row.network.id, member: row.member.id };
  return openForm(model, "", intent, [{ kind: "confirm", label }]);
}

/** Of a member its own, of a network this computer's. */
function copy(model: Model, row: Row | null, version: 4 | 6): Step {
  const own = model.engine.at === "running" ? model.engine.status : null;
  const { address4, address6 } = row?.member ?? own ?? { address4: null, address6: null };
  const text = version === 4 ? row?.member?.alias ?? address4 : address6;
  return text === null ? { model } : { model, action: { do: "copy", text } };
}
