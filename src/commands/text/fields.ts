import { safe } from "../../base/safe.ts";

/** A name and what stands behind its colon; null or empty = the line is left out. */
export type Field = readonly [name: string, value: string | null];

/**
 * `  name   : value` lines with the colons in one column.
 *
 * Programs take the first `name : value` they find anywhere in the text. So a value that looks as if it held another field,
 * which a nickname may do on purpose, goes behind all others.
 */
export function renderFields(fields: readonly Field[]): string[] {
  const width = Math.max(...fields.map(([name]) => name.length));
  const shown = fields.flatMap(([name, value]) => value === null || value === "" ? [] : [[name, safe(value)] as const]);
  const isImpostor = (value: string) => fields.some(([name]) => new RegExp(`${name} *: `).test(value));
  const ordered = [
    ...shown.filter(([, value]) => !isImpostor(value)),
    ...shown.filter(([, value]) => isImpostor(value)),
  ];
  return ordered.map(([name, value]) => `  ${name.padEnd(width)} : ${value}`.trimEnd());
}
