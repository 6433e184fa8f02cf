/**
 * Fetches a file over HTTP and prints `{bytes, seconds, sha256}` as JSON: `download.ts URL`.
 *
 * @module
 */
import { createHash } from "node:crypto";

/** What the download measured. */
export interface Download {
  /** Length of the file. */
  bytes: number;
  /** From the request to the last byte. */
  seconds: number;
  /** Hexadecimal. */
  sha256: string;
}

if (import.meta.main) {
  const startedAt = performance.now();
  const response = await fetch(Deno.args[0]!);
  if (!response.ok) throw new Error(`Cannot download: HTTP status ${response.status}`);
  const chunks: Uint8Array[] = [];
  for await (const chunk of response.body!) chunks.push(chunk);
  const seconds = (performance.now() - startedAt) / 1000;
  // Hashed afterwards, so that the figure is the network's.
  const hash = createHash("sha256");
  for (const chunk of chunks) hash.update(chunk);
  const bytes = chunks.reduce((sum, chunk) => sum + chunk.length, 0);
  console.log(JSON.stringify({ bytes, seconds, sha256: hash.digest("hex") } satisfies Download));
}
