import { fitLine, type Line, lineWidth, type Size, span, styled } from "../screen.ts";
import { renderDetails } from "./details.ts";
import { renderFoot } from "./foot.ts";
import { renderRow } from "./list_row.ts";
import type { Model } from "./model.ts";
import { renderEmpty, renderHelp } from "./pages.ts";
import { selectedRow, visibleRows } from "./rows.ts";
import { shownNick } from "./words.ts";

/** From this width on the details stand beside the list. */
const SIDE_FROM_COLUMNS = 100;
const SIDE_COLUMNS = 40;

/** From this height on they stand below it, where they do not fit beside. */
const BELOW_FROM_ROWS = 24;
const BELOW_ROWS = 9;

/** An engine that says nothing for longer is mentioned. */
const SILENT_MS = 4000;

/** The screen: exactly `size.rows` lines of exactly `size.columns` columns. */
export function render(model: Model, size: Size): Line[] {
  const foot = renderFoot(model, size);
  const rows = Math.max(0, size.rows - 1 - foot.length);
  const body = filled(renderBody(model, { ...size, rows }), rows);
  return [titleLine(model, size.columns), ...body, ...foot].slice(0, size.rows)
    .map((line) => fitLine(line, size.columns));
}

function titleLine(model: Model, columns: number): Line {
  const bar = { reverse: true };
  if (model.engine.at !== "running") return styled(fitLine([span(" buri", { bold: true })], columns), bar);
  const { status: state, nick, address4, server } = model.engine.status;
  const isSilent = model.now - model.answeredAt > SILENT_MS;
  const words = isSilent
    ? "the engine does not answer"
    : [shownNick(nick), address4 ?? "", state].filter((word) => word !== "").join("  ");
  const start = [span(" buri  ", { bold: true }), span(words)];
  const right = span(`${server ?? ""}  by ${model.sort} `);
  const room = columns - lineWidth(start) - lineWidth([right]);
  return styled(fitLine(room < 1 ? start : [...start, span(" ".repeat(room)), right], columns), bar);
}

function renderBody(model: Model, size: Size): Line[] {
  if (model.mode.at === "help") return renderHelp(model.mode, size.rows);
  if (model.mode.at === "details") return renderDetails(model, size.columns).slice(0, size.rows);
  if (size.columns >= SIDE_FROM_COLUMNS) return beside(model, size);
  const isBelow = size.rows >= BELOW_FROM_ROWS - 3 && selectedRow(model) !== null;
  if (!isBelow) return renderList(model, size);
  const list = filled(renderList(model, { ...size, rows: size.rows - BELOW_ROWS }), size.rows - BELOW_ROWS);
  const rule = [span("─".repeat(size.columns), { color: "grey" })];
  return [...list, rule, ...renderDetails(model, size.columns).slice(0, BELOW_ROWS - 1)];
}

function beside(model: Model, size: Size): Line[] {
  const columns = size.columns - SIDE_COLUMNS - 2;
  const list = filled(renderList(model, { ...size, columns }), size.rows);
  const details = renderDetails(model, SIDE_COLUMNS);
  return list.map((line, at) => [...fitLine(line, columns), span("│ ", { color: "grey" }), ...details[at] ?? []]);
}

function filled(lines: Line[], rows: number): Line[] {
  return [...lines, ...Array.from({ length: Math.max(0, rows - lines.length) }, (): Line => [])];
}

/** The part of the list around the selected row, or what there is to say instead of a list. */
function renderList(model: Model, { columns, rows }: Size): Line[] {
  const all = visibleRows(model);
  if (all.length === 0) return renderEmpty(model, columns).slice(0, rows);
  const at = Math.max(0, all.findIndex(({ key }) => key === model.selected));
  const top = Math.max(0, Math.min(at - Math.floor(rows / 2), all.length - rows));
  return all.slice(top, top + rows).map((row, offset) => renderRow(model, row, columns, top + offset === at));
}
