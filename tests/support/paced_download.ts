/**
 * Fetches `URL` and prints `{sha256, bytes, gaps}` as JSON, where gaps are the times longer than `MS` in which nothing came:
 * `paced_download.ts URL MS`.
 */
import { createHash } from "node:crypto";

/** What came, and when nothing did. Times are milliseconds since 1970. */
export interface PacedDownload {
  sha256: string;
  bytes: number;
  gaps: { from: number; ms: number }[];
}

if (import.meta.main) {
  const [url = "", leastMs = "0"] = Deno.args;
  const response = await fetch(url);
  const hash = createHash("sha256");
  const result: PacedDownload = { sha256: "", bytes: 0, gaps: [] };
  let last = Date.now();
  for await (const chunk of response.body!) {
    const now = Date.now();
    if (now - last >= Number(leastMs)) result.gaps.push({ from: last, ms: now - last });
    last = now;
    hash.update(chunk);
    result.bytes += chunk.length;
  }
  console.log(JSON.stringify({ ...result, sha256: hash.digest("hex") }));
}
