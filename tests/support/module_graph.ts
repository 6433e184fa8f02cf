import { join } from "node:path";
import { inRoot, ROOT } from "../../scripts/root.ts";

/** One import, type-only ones and dynamic ones included. */
export interface Import {
  /** Path from the project's root, with forward slashes. */
  from: string;
  /** Such a path, or a bare name as `node:crypto` or `@noble/hashes`. */
  to: string;
  isTypeOnly: boolean;
}

interface InfoDependency {
  specifier: string;
  code?: { specifier?: string; error?: string };
  type?: { specifier?: string; error?: string };
}

interface InfoModule {
  specifier: string;
  error?: string;
  dependencies?: InfoDependency[];
}

/**
 * What every file of main.ts and src/ imports. Each file is a root of its own, so that the entry files of workers, which
 * nobody imports, are seen as well.
 *
 * @throws {Error} when a module cannot be found or parsed.
 */
export async function readImports(): Promise<Import[]> {
  const files = [...walk("src"), ...(exists("main.ts") ? ["main.ts"] : [])];
  const entry = await Deno.makeTempFile({ prefix: "buri-modules-", suffix: ".ts" });
  try {
    await Deno.writeTextFile(entry, files.map((file) => `import "file://${inRoot(file)}";\n`).join(""));
    const { modules } = await denoInfo(entry);
    const broken = modules.find((module) => module.error !== undefined);
    if (broken !== undefined) throw new Error(`Cannot read the module graph: ${broken.error}`);
    return modules.filter((module) => !module.specifier.endsWith(entry)).flatMap(importsOf);
  } finally {
    await Deno.remove(entry);
  }
}

async function denoInfo(entry: string): Promise<{ modules: InfoModule[] }> {
  const { success, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: ["info", "--json", "--config", inRoot("deno.json"), entry],
  }).output();
  if (!success) throw new Error(`Cannot run deno info: ${new TextDecoder().decode(stderr)}`);
  return JSON.parse(new TextDecoder().decode(stdout));
}

function importsOf(module: InfoModule): Import[] {
  return (module.dependencies ?? []).map((dependency) => ({
    from: nameOf(module.specifier),
    to: nameOf(dependency.code?.specifier ?? dependency.type?.specifier ?? dependency.specifier),
    isTypeOnly: dependency.code === undefined,
  }));
}

/** Root-relative path of a project file, the package's name of an npm module, anything else as it is. */
function nameOf(specifier: string): string {
  const root = `file://${ROOT}/`;
  if (specifier.startsWith(root)) return specifier.slice(root.length);
  const npmName = /^npm:\/?((?:@[^/@]+\/)?[^/@]+)/.exec(specifier)?.[1];
  return npmName ?? specifier;
}

function* walk(folder: string): Generator<string> {
  for (const entry of Deno.readDirSync(inRoot(folder))) {
    const path = join(folder, entry.name).replaceAll("\\", "/");
    if (entry.isDirectory) yield* walk(path);
    else if (path.endsWith(".ts")) yield path;
  }
}

function exists(path: string): boolean {
  try {
    Deno.statSync(inRoot(path));
    return true;
  } catch {
    return false;
  }
}
