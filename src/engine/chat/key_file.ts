import * as v from "valibot";
import { fromBase64Url, toBase64Url } from "../../base/bytes.ts";
import { damaged, type StateFolder } from "../state_folder.ts";
import type { KeptMessageKey } from "./message_keys.ts";

const bytes = (length: number) =>
  v.pipe(v.string(), v.check((text) => lengthOf(text) === length, "not the bytes expected"));

const FILE = v.strictObject({
  version: v.literal(1),
  keys: v.array(
    v.strictObject({ createdAt: v.pipe(v.number(), v.finite()), x25519: bytes(32), mlkem: bytes(64) }),
  ),
});

const nameOf = (server: string) => `servers/${server}/message_keys.json`;

/** The newest first; empty before the first login. @throws {UserError} exit 1 when the file is damaged */
export function readMessageKeys(folder: StateFolder, server: string): KeptMessageKey[] {
  const text = folder.read(nameOf(server));
  if (text === null) return [];
  const parsed = v.safeParse(FILE, parseJson(text));
  if (!parsed.success) throw damaged(folder.pathOf(nameOf(server)), "it holds no message keys");
  return parsed.output.keys.map(({ createdAt, x25519, mlkem }) => ({
    createdAtMs: createdAt,
    x25519: fromBase64Url(x25519),
    mlkem: fromBase64Url(mlkem),
  }));
}

/** On the disk when it returns. @throws {UserError} exit 1 when it cannot be saved */
export function writeMessageKeys(folder: StateFolder, server: string, keys: readonly KeptMessageKey[]): void {
  const kept = keys.map(({ createdAtMs, x25519, mlkem }) => ({
    createdAt: createdAtMs,
    x25519: toBase64Url(x25519),
    mlkem: toBase64Url(mlkem),
  }));
  folder.write(nameOf(server), `${JSON.stringify({ version: 1, keys: kept }, null, 2)}\n`);
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function lengthOf(text: string): number | null {
  try {
    return fromBase64Url(text).length;
  } catch {
    return null;
  }
}
