import { fitLine, type Line, span, styled } from "../screen.ts";
import { cutToWidth, drawable, fitted, textWidth } from "../width.ts";
import type { Model, Row } from "./model.ts";
import { accessWords, MARKS, memberStyle, shownNick, shownRate, shownRtt, stateWord } from "./words.ts";

type MemberRow = Extract<Row, { member: object }>;

/** One row in `columns` columns. */
export function renderRow(model: Model, row: Row, columns: number, isSelected: boolean): Line {
  const line = row.member === null ? networkLine(model, row, columns) : memberLine(model, row, columns);
  const marked = [span(isSelected ? ">" : " "), ...line];
  return isSelected ? styled(fitLine(marked, columns), { reverse: true }) : marked;
}

/** Columns that the count and the words behind a network's name may have. */
const NETWORK_TAIL_COLUMNS = 20;

function networkLine(model: Model, { network }: Row, columns: number): Line {
  const isHidden = model.collapsed.has(network.id) && model.filter === "";
  const look = { bold: true, ...(network.online ? {} : { color: "grey" as const }) };
  const access = accessWords(network);
  return [
    span(`${isHidden ? "+" : "-"}${network.online ? "*" : " "} `, look),
    span(cutToWidth(drawable(network.name), Math.max(MIN_NICK_COLUMNS, columns - NETWORK_TAIL_COLUMNS)), look),
    span(`  ${network.memberCount}/${network.capacity}`),
    ...(network.owner.isSelf ? [span("  own")] : []),
    ...(network.online ? [] : [span("  offline")]),
    ...(access === "" ? [] : [span(`  ${access}`, { color: "yellow" })]),
  ];
}

/** A column of the list, right of the nickname. */
interface Column {
  readonly width: number;
  readonly text: (row: MemberRow, model: Model) => string;
  readonly align?: "right";
}

/** By weight: where not all fit, the last ones go first. `place` is where it stands in the line. */
const COLUMNS: readonly (Column & { readonly place: number })[] = [
  { place: 1, width: 11, text: ({ member }) => member.status === "unapproved" ? "waits" : stateWord(member) },
  { place: 0, width: 15, text: ({ member }) => member.status === "unapproved" ? "" : member.alias ?? member.address4 },
  { place: 3, width: 7, align: "right", text: ({ member }) => shownRtt(member.rttMs) },
  { place: 4, width: 11, align: "right", text: (row, model) => rateOf(model, row, "inPerSecond", "↓") },
  { place: 5, width: 11, align: "right", text: (row, model) => rateOf(model, row, "outPerSecond", "↑") },
  { place: 2, width: 3, text: ({ member }) => member.transport?.toUpperCase() ?? "" },
];

const MIN_NICK_COLUMNS = 10;
const MAX_NICK_COLUMNS = 28;

function rateOf(model: Model, row: MemberRow, way: "inPerSecond" | "outPerSecond", arrow: string): string {
  const rate = shownRate(model.traffic.get(row.member.id)?.[way] ?? 0);
  return rate === "" ? "" : `${arrow}${rate}`;
}

function memberLine(model: Model, row: MemberRow, columns: number): Line {
  const { member } = row;
  const start = `    ${MARKS[member.status]} `;
  const room = columns - 1 - textWidth(start);
  const shown = columnsWithin(room - MIN_NICK_COLUMNS);
  const taken = shown.reduce((sum, { width }) => sum + width + 1, 0);
  const nickColumns = Math.max(MIN_NICK_COLUMNS, Math.min(MAX_NICK_COLUMNS, room - taken));
  const nick = member.status === "unapproved" ? member.id : shownNick(member.nick);
  const cells = shown.map((column) => ` ${fitted(column.text(row, model), column.width, column.align ?? "left")}`);
  const look = memberStyle(member, model.traffic.get(member.id));
  return [span(start + fitted(nick, nickColumns), look), ...cells.map((cell) => span(cell, look))];
}

/** The weightiest columns that fit, in the order in which they stand. */
function columnsWithin(room: number): readonly Column[] {
  const kept: (typeof COLUMNS)[number][] = [];
  let left = room;
  for (const column of COLUMNS) {
    left -= column.width + 1;
    if (left < 0) break;
    kept.push(column);
  }
  return kept.toSorted((a, b) => a.place - b.place);
}
