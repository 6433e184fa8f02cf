/**
 * `deno task compile [--base PATH] [--target NAME]` makes `dist/buri-<version>-<target>`, one file that runs with nothing
 * else installed. It is a bare Deno runtime (the base, "denort") with the program appended; `deno compile` downloads the
 * base unless it is told where one lies.
 */
import { createHash } from "node:crypto";
import { join, relative } from "node:path";
import { parseArgs } from "node:util";
import { UserError } from "../src/base/errors.ts";
import { inRoot, ROOT } from "./root.ts";

/** One of the systems Buri is made for. */
export type Target = "linux-x64" | "linux-arm64" | "darwin-x64" | "darwin-arm64" | "win32-x64";

/** Deno's names of them. */
const TARGETS: Record<Target, string> = {
  "linux-x64": "x86_64-unknown-linux-gnu",
  "linux-arm64": "aarch64-unknown-linux-gnu",
  "darwin-x64": "x86_64-apple-darwin",
  "darwin-arm64": "aarch64-apple-darwin",
  "win32-x64": "x86_64-pc-windows-msvc",
};

/** What the program may do: all that Buri needs and nothing that would make Deno ask. */
const PERMISSIONS = ["read", "write", "net", "env", "sys", "run", "ffi"].map((name) => `--allow-${name}`);

/** What to compile, and where to. */
export interface CompileOptions {
  /** The system it is for. */
  target: Target;
  /** File of the bare runtime; undefined lets Deno download its own. */
  base?: string | undefined;
  /** The program's first file; main.ts unless a test says otherwise. */
  entry: string;
  /** Folder of the result. */
  outputFolder: string;
}

/** The executable that was made. */
export interface Compiled {
  /** Where it lies. */
  path: string;
  /** Bytes. */
  size: number;
  /** Hexadecimal. */
  sha256: string;
}

/** Reads the command line; the base is the folder or file of `--base`, else the file that DENORT_BIN names. */
export async function parseCompileArgs(args: string[], denortBin: string | undefined): Promise<CompileOptions> {
  const { base, target } = parseFlags(args);
  if (!isTarget(target)) {
    throw new UserError(`Cannot compile for "${target}": unknown target`, {
      exitCode: 2,
      hint: `Known targets: ${Object.keys(TARGETS).join(" ")}.`,
    });
  }
  return {
    target,
    base: base === undefined ? denortBin : await findBase(base, target),
    entry: inRoot("main.ts"),
    outputFolder: inRoot("dist"),
  };
}

function parseFlags(args: string[]): { base?: string | undefined; target: string } {
  try {
    const { values } = parseArgs({
      args,
      options: { base: { type: "string" }, target: { type: "string", default: "linux-x64" } },
    });
    return values;
  } catch (cause) {
    throw new UserError(`Cannot compile: ${(cause as Error).message}`, {
      exitCode: 2,
      hint: "Usage: deno task compile [--base FOLDER|FILE] [--target NAME]",
      cause,
    });
  }
}

function isTarget(name: string): name is Target {
  return Object.hasOwn(TARGETS, name);
}

/** The base for `target` in a folder that may hold one per target and a file VERSION that names their Deno. */
async function findBase(path: string, target: Target): Promise<string> {
  const info = await Deno.stat(path).catch(() => null);
  if (info === null) throw new UserError(`Cannot use the base ${path}: no such file or folder`);
  if (!info.isDirectory) return path;
  const version = await Deno.readTextFile(join(path, "VERSION")).then((text) => text.trim(), () => null);
  // The layout of the appended program changes with minor versions of Deno, not within one.
  if (version !== null && minorOf(version) !== minorOf(Deno.version.deno)) {
    throw new UserError(`Cannot use the bases in ${path}: they are Deno ${version}, this is ${Deno.version.deno}`, {
      hint: `Compile with a Deno of the same minor version: npx -y deno@${version} task compile --base ${path}`,
    });
  }
  const file = join(path, `denort-${target}${target.startsWith("win32") ? ".exe" : ""}`);
  if (await Deno.stat(file).catch(() => null) === null) {
    throw new UserError(`Cannot compile for ${target}: ${file} does not exist`);
  }
  return file;
}

function minorOf(version: string): string {
  return version.split(".").slice(0, 2).join(".");
}

/** Makes the executable. @throws {UserError} saying why it cannot. */
export async function compile(options: CompileOptions): Promise<Compiled> {
  const { version } = JSON.parse(await Deno.readTextFile(inRoot("deno.json")));
  const suffix = options.target.startsWith("win32") ? ".exe" : "";
  const path = join(options.outputFolder, `buri-${version}-${options.target}${suffix}`);
  await Deno.mkdir(options.outputFolder, { recursive: true });
  const { success, stderr } = await new Deno.Command(Deno.execPath(), {
    args: await denoArgs(options, path),
    env: { NO_COLOR: "1", ...(options.base === undefined ? {} : { DENORT_BIN: options.base }) },
    stdout: "null",
  }).output();
  if (!success) throw compileError(new TextDecoder().decode(stderr), options);
  return { path, ...await measure(path) };
}

async function denoArgs({ target, entry }: CompileOptions, output: string): Promise<string[]> {
  return [
    "compile",
    "--config",
    inRoot("deno.json"),
    "--no-check",
    // Without this flag the program reads compiled code from a predictable name in the temporary folder, where another
    // user of the machine could have put it, and Buri may run as root.
    "--no-code-cache",
    "--target",
    TARGETS[target],
    ...(await findWorkers(inRoot("src"))).flatMap((file) => ["--include", file]),
    ...PERMISSIONS,
    "--output",
    output,
    entry,
  ];
}

/** Entry files of workers: no import leads to them, so they must be named to be in the executable. */
export async function findWorkers(folder: string): Promise<string[]> {
  const found: string[] = [];
  for await (const { name, isDirectory } of Deno.readDir(folder)) {
    const path = join(folder, name);
    if (isDirectory) found.push(...await findWorkers(path));
    else if (/^(?:\w+_)?worker(?:_(?:linux|darwin|windows))?\.ts$/.test(name)) found.push(path);
  }
  return found.sort();
}

function compileError(output: string, { base, target }: CompileOptions): UserError {
  const lines = output.split("\nStack backtrace")[0]!.split("\n").map((line) => line.trim());
  const why = lines.filter((line) => /^error|^\d+: /.test(line)).join("; ");
  if (base !== undefined) {
    return new UserError(`Cannot compile with the base ${base}: ${why}`, {
      hint: "The base must be a bare Deno runtime (denort) of this Deno's minor version.",
    });
  }
  const isBaseMissing = why.includes("base binary");
  return new UserError(
    `Cannot compile for ${target}: ${why}`,
    isBaseMissing
      ? {
        hint: "Where the download of the base is out of reach, set DENORT_BIN to a bare Deno runtime (denort), " +
          "or pass --base with a folder that holds denort-<target>.",
      }
      : {},
  );
}

async function measure(path: string): Promise<{ size: number; sha256: string }> {
  const hash = createHash("sha256");
  let size = 0;
  const file = await Deno.open(path);
  for await (const chunk of file.readable) {
    hash.update(chunk);
    size += chunk.length;
  }
  return { size, sha256: hash.digest("hex") };
}

if (import.meta.main) {
  try {
    const options = await parseCompileArgs(Deno.args, Deno.env.get("DENORT_BIN"));
    const { path, size, sha256 } = await compile(options);
    console.log(`${relative(ROOT, path)}\nsize   ${size} bytes\nsha256 ${sha256}`);
  } catch (error) {
    if (!(error instanceof UserError)) throw error;
    console.error(error.hint === undefined ? error.message : `${error.message}\n${error.hint}`);
    Deno.exit(error.exitCode);
  }
}
