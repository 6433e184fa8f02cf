/** Takes the terminal and, at the first key, fails where nobody catches: argv says how. */
import { openTerminal } from "../../src/tui/system_terminal.ts";

const terminal = openTerminal("screen");
terminal.write("\u001b[1;1Hon the whole screen");
await terminal.next();
setTimeout(() => {
  if (Deno.args[0] === "exit") Deno.exit(7);
  if (Deno.args[0] === "throw") throw new Error("nobody catches this");
  void Promise.reject(new Error("nobody catches this"));
});
