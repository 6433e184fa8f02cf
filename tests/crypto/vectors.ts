/** Known answers of tests/vectors, and the larger ones of a folder beside the checkout. */

import { fromHex } from "../../src/base/bytes.ts";

const IN_TREE = new URL("../vectors/", import.meta.url);

/** Reads a file of tests/vectors. */
// deno-lint-ignore no-explicit-any -- each test knows the shape of its own file
export function readVectors(name: string): any {
  return JSON.parse(Deno.readTextFileSync(new URL(name, IN_TREE)));
}

/** The vectors folder beside the checkout, or undefined. */
function externalFolder(): string | undefined {
  const folder = Deno.env.get("BURI_VECTORS") ?? new URL("../../../shared/vectors", import.meta.url).pathname;
  try {
    return Deno.statSync(folder).isDirectory ? folder : undefined;
  } catch {
    return undefined;
  }
}

const external = externalFolder();

/**
 * A test over files of the vectors folder beside the checkout; skipped by name where it is absent.
 *
 * @param run gets the parsed files, in the order of their names
 */
// deno-lint-ignore no-explicit-any -- each test knows the shape of its own file
export function testExternal(sentence: string, files: string[], run: (...parsed: any[]) => void): void {
  if (external === undefined) {
    const name = `${sentence} (skipped: no vectors folder beside the checkout, BURI_VECTORS or ../shared/vectors)`;
    Deno.test({ name, ignore: true, fn: () => {} });
    return;
  }
  Deno.test(sentence, () => run(...files.map((file) => JSON.parse(Deno.readTextFileSync(`${external}/${file}`)))));
}

/** One Wycheproof test case with its group. */
// deno-lint-ignore no-explicit-any -- each test knows the shape of its own file
export type Case = { group: any; test: any; label: string };

/** All cases of a Wycheproof file, in order. */
// deno-lint-ignore no-explicit-any -- each test knows the shape of its own file
export function casesOf(file: any): Case[] {
  const cases: Case[] = [];
  for (const group of file.testGroups) {
    for (const test of group.tests) cases.push({ group, test, label: `case ${test.tcId} (${test.comment ?? ""})` });
  }
  return cases;
}

/** Short for {@linkcode fromHex} in tables. */
export function hex(text: string): Uint8Array {
  return fromHex(text);
}
