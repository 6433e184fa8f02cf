/** Fetches the URL given as argument and prints the SHA-256 of what came, in hex, and its length. Run inside a namespace. */
import { createHash } from "node:crypto";

const hash = createHash("sha256");
let length = 0;
const response = await fetch(Deno.args[0]!);
for await (const chunk of response.body!) {
  hash.update(chunk);
  length += chunk.length;
}
console.log(hash.digest("hex"), length);
