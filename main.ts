import { COMMANDS, runAsProcess } from "./src/commands/mod.ts";

Deno.exit(await runAsProcess(Deno.args, COMMANDS));
