/**
 * The web server on the other member's computer: `web_server.ts ADDRESS PORT FILE`. Says "ready" when it serves.
 *
 * @module
 */
const [hostname = "", port = "", path = ""] = Deno.args;
const file = await Deno.readFile(path);
Deno.serve({ hostname, port: Number(port), onListen: () => console.log("ready") }, () => new Response(file));
