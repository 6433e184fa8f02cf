/**
 * What somebody sees who takes the server for a web server: one that has nothing to show. Nothing in it is ours.
 *
 * @module
 */
import { concat, utf8 } from "../base/bytes.ts";

const METHOD = /^[A-Z]{3,10} \S/;

/** How much of a request tells which answer it gets. */
const LOOK_LENGTH = 32;

/** The answer to a request that begins with these bytes; the connection is closed behind it. `wallMs` is for its date. */
export function answerWebRequest(request: Uint8Array, wallMs: number): Uint8Array {
  const start = String.fromCharCode(...request.subarray(0, LOOK_LENGTH));
  const status = METHOD.test(start) ? "404 Not Found" : "400 Bad Request";
  const page = utf8(
    `<html>\r\n<head><title>${status}</title></head>\r\n<body>\r\n<center><h1>${status}</h1></center>\r\n</body>\r\n</html>\r\n`,
  );
  const head = [
    `HTTP/1.1 ${status}`,
    `Date: ${new Date(wallMs).toUTCString()}`,
    "Content-Type: text/html",
    `Content-Length: ${page.length}`,
    "Connection: close",
  ];
  return concat(utf8(`${head.join("\r\n")}\r\n\r\n`), start.startsWith("HEAD ") ? new Uint8Array() : page);
}
