/**
 * Proves that the pure folders cannot reach the runtime: they are type-checked with the language and the web's types alone,
 * where the name `Deno` does not exist. Built-ins imported by `node:` name bring their own types and stay usable; which of
 * them a folder may import is the architecture test's matter.
 */
import { PURE_FOLDERS } from "./lint_plugin.ts";
import { inRoot } from "./root.ts";

/** What the type checker said. */
export interface PurityVerdict {
  /** Whether no path leads to the runtime. */
  isPure: boolean;
  /** The checker's own messages. */
  output: string;
}

/** Type-checks `paths` (files or folders) without Deno's types. */
export async function checkPure(paths: readonly string[]): Promise<PurityVerdict> {
  const config = await Deno.makeTempFile({ prefix: "buri-pure-", suffix: ".json" });
  try {
    await Deno.writeTextFile(config, JSON.stringify(await pureConfig()));
    const { success, stderr } = await new Deno.Command(Deno.execPath(), {
      args: ["check", "--config", config, ...paths],
      stdout: "null",
    }).output();
    return { isPure: success, output: new TextDecoder().decode(stderr) };
  } finally {
    await Deno.remove(config);
  }
}

/** deno.json with other libraries and a lock that stays untouched: derived, so that the two cannot drift apart. */
async function pureConfig(): Promise<Record<string, unknown>> {
  const { imports, nodeModulesDir, compilerOptions } = JSON.parse(
    await Deno.readTextFile(inRoot("deno.json")),
  );
  return {
    imports,
    nodeModulesDir,
    lock: { path: inRoot("deno.lock"), frozen: true },
    compilerOptions: { ...compilerOptions, lib: ["esnext", "dom"] },
  };
}

if (import.meta.main) {
  const folders = PURE_FOLDERS.map((folder) => inRoot("src", folder));
  const { isPure, output } = await checkPure(folders);
  if (!isPure) {
    console.error(output);
    console.error("Cannot prove the pure folders pure: see above; take time, randomness and bytes as parameters.");
    Deno.exit(1);
  }
  console.log(`pure: ${PURE_FOLDERS.join(", ")}`);
}
