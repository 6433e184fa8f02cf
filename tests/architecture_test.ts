import assert from "node:assert/strict";
import { PURE_FOLDERS } from "../scripts/lint_plugin.ts";
import { inRoot } from "../scripts/root.ts";
import { type Ban, findBannedChains, findCircles, findLayerViolations, type Layer } from "./support/layers.ts";
import { type Import, readImports } from "./support/module_graph.ts";

/**
 * The cut of the program, lowest first: bytes, keys, conversation, path, engine, command. Whoever needs another cut changes
 * this table and docs/ARCHITECTURE.md in one commit, and says why.
 */
const LAYERS: readonly Layer[] = [
  {
    folder: "base",
    imports: [],
    // The one place that says which version this is.
    packages: ["deno.json"],
    because: "everything imports base, so whatever it imported would be everywhere",
  },
  {
    folder: "protocol",
    imports: ["base"],
    packages: [],
    because: "a codec turns bytes into records and back; keys, sockets and time are for those who call it",
  },
  {
    folder: "crypto",
    imports: ["base"],
    packages: ["node:crypto", "node:buffer", "@noble/ciphers", "@noble/hashes", "@noble/post-quantum"],
    because:
      "a suite takes and gives bytes; one that knew messages could not be checked against published vectors alone",
  },
  {
    folder: "ffi",
    imports: ["base"],
    packages: ["node:*"],
    because: "bindings carry no policy, so that what may crash the process stays small",
  },
  {
    folder: "transport",
    imports: ["base", "ffi"],
    packages: ["node:*"],
    because: "a socket carries bytes and does not know what they mean",
  },
  {
    folder: "device",
    imports: ["base", "ffi"],
    packages: ["node:*"],
    because: "a tunnel device carries packets and does not know where they go",
  },
  {
    folder: "ipc",
    imports: ["base", "ffi"],
    packages: ["node:*", "valibot"],
    because: "commands and views share this schema and must not load an engine to speak it",
  },
  {
    folder: "session",
    imports: ["base", "protocol", "crypto"],
    packages: [],
    because: "a conversation is a pure machine: its owner has the sockets, the clock and the randomness",
  },
  {
    folder: "nat",
    imports: ["base", "protocol"],
    packages: [],
    because:
      "path choice is decided from measurements alone, so that a simulation can run it thousands of times a second",
  },
  {
    folder: "relay",
    imports: ["base", "protocol", "transport", "ffi"],
    packages: ["node:net", "node:os"],
    because:
      "a relay that holds no cipher and no conversation cannot read traffic; tickets are checked by a function handed to it",
  },
  {
    folder: "relay_control",
    imports: ["base", "protocol", "crypto", "session", "transport", "relay"],
    packages: ["node:*"],
    because: "it enrols a relay with its server, and a relay has neither members nor a device",
  },
  {
    folder: "dataplane",
    imports: ["base", "protocol", "crypto", "ffi", "device", "nat"],
    packages: ["node:*"],
    because: "the packet path takes its keys and paths from the main thread and holds no conversation of its own",
  },
  {
    folder: "engine",
    imports: ["base", "protocol", "crypto", "session", "nat", "transport", "device", "dataplane", "ipc"],
    packages: ["node:*", "valibot"],
    because: "what a client knows of a server it learns over the wire, as a client in another language would",
  },
  {
    folder: "server",
    imports: ["base", "protocol", "crypto", "session", "transport", "relay", "relay_control"],
    packages: ["node:*", "kysely", "valibot"],
    because: "a server decides who may meet; it has no device, no tunnel keys and no engine",
  },
  {
    folder: "tui",
    imports: ["base", "ipc"],
    packages: ["node:*", "get-east-asian-width"],
    because: "a view shows what the engine tells over its control interface, and can do nothing a command cannot",
  },
  {
    folder: "web",
    imports: ["base", "ipc"],
    packages: ["node:*"],
    because: "a view shows what the engine tells over its control interface, and can do nothing a command cannot",
  },
  {
    folder: "lab",
    imports: ["base", "ffi", "device"],
    packages: ["node:*"],
    because:
      "the laboratory runs Buri as processes: what it proved about imported parts would not hold for the program",
  },
  {
    folder: "commands",
    imports: [
      ...["base", "protocol", "crypto", "ffi", "transport", "device", "ipc", "session", "nat", "relay"],
      ...["relay_control", "dataplane", "engine", "server", "tui", "web", "lab"],
    ],
    packages: ["node:*", "uqr", "valibot", "@valibot/to-json-schema"],
    because: "commands are the top; only packages they need for talking to people belong here",
  },
  {
    folder: "main.ts",
    imports: ["commands"],
    packages: [],
    because: "main.ts hands its arguments to the command table and exits with the code it gets back",
  },
];

const CANNOT_READ = "a relay must not be able to read traffic, and this is what proves it";

const BANS: readonly Ban[] = [
  { from: "relay", to: "crypto/", because: CANNOT_READ },
  { from: "relay", to: "session/", because: CANNOT_READ },
  { from: "relay", to: "ffi/libcrypto", because: CANNOT_READ },
  { from: "relay", to: "ffi/bcrypt", because: CANNOT_READ },
  {
    from: "engine",
    to: "server/",
    because: "the two meet on the wire only; a shortcut between them would be missing from docs/PROTOCOL.md",
  },
  {
    from: "server",
    to: "engine/",
    because: "the two meet on the wire only; a shortcut between them would be missing from docs/PROTOCOL.md",
  },
  {
    from: "server",
    to: "device/",
    because: "a server needs no right to open a tunnel device, and must not ask for one",
  },
  {
    from: "server",
    to: "dataplane/",
    because: "a server carries no member's packets; its relay forwards what it cannot open",
  },
];

const FOLDERS = LAYERS.map(({ folder }) => folder);

function fileIn(folder: string, name = "a.ts"): string {
  return folder.endsWith(".ts") ? folder : `src/${folder}/${name}`;
}

function importing(from: string, to: string, isTypeOnly = false): Import {
  return { from, to, isTypeOnly };
}

let reading: Promise<Import[]> | undefined;

/** What the program's files import, read once. */
function projectImports(): Promise<Import[]> {
  return reading ??= readImports();
}

Deno.test("every import of main.ts and src/ is one that the table of layers allows", async () => {
  const imports = await projectImports();
  assert.ok(imports.length > 20, "the graph was read");
  assert.deepEqual(findLayerViolations(imports, LAYERS), []);
});

Deno.test("no chain of imports leads where it is banned", async () => {
  assert.deepEqual(findBannedChains(await projectImports(), BANS), []);
});

Deno.test("no two files need each other to load", async () => {
  assert.deepEqual(findCircles(await projectImports()), []);
});

Deno.test("the table of layers only points downwards", () => {
  for (const [rank, { folder, imports }] of LAYERS.entries()) {
    assert.deepEqual(imports.filter((other) => !FOLDERS.slice(0, rank).includes(other)), [], folder);
  }
});

Deno.test("docs/ARCHITECTURE.md shows the table of layers as it is", async () => {
  const page = (await Deno.readTextFile(inRoot("docs/ARCHITECTURE.md"))).replaceAll(/ +/g, " ");
  for (const { folder, imports, because } of LAYERS) {
    const row = `| ${folder} | ${imports.join(", ") || "–"} | ${because} |\n`;
    assert.ok(page.includes(row), `this row is missing: ${row}`);
  }
});

Deno.test("the pure folders have no built-in that reaches files, sockets or time", () => {
  const builtIns = LAYERS.filter(({ folder }) => PURE_FOLDERS.includes(folder))
    .flatMap(({ packages }) => packages.filter((name) => name.startsWith("node:")));
  assert.deepEqual(builtIns, ["node:crypto", "node:buffer"]);
});

Deno.test("findLayerViolations reports each pair of folders that the table does not list, with the reason", () => {
  for (const layer of LAYERS) {
    for (const to of FOLDERS.filter((other) => other !== layer.folder)) {
      const found = findLayerViolations([importing(fileIn(layer.folder), fileIn(to), true)], LAYERS);
      assert.equal(found.length, layer.imports.includes(to) ? 0 : 1, `${layer.folder} → ${to}`);
      if (found.length > 0) assert.ok(found[0]!.endsWith(`because ${layer.because}`), found[0]);
    }
  }
});

Deno.test("findLayerViolations reports packages, files outside src/ and folders without a layer", () => {
  const refused = [
    importing(fileIn("protocol"), "node:fs"),
    importing(fileIn("crypto"), "node:fs"),
    importing(fileIn("crypto"), "valibot"),
    importing(fileIn("engine"), "kysely"),
    importing(fileIn("engine"), "tests/support/needs.ts"),
    importing(fileIn("engine"), "https://example.org/mod.ts"),
    importing(fileIn("misc"), fileIn("base")),
  ];
  assert.equal(findLayerViolations(refused, LAYERS).length, refused.length);
  const allowed = [importing(fileIn("engine"), "node:fs"), importing(fileIn("crypto"), "node:crypto")];
  assert.deepEqual(findLayerViolations(allowed, LAYERS), []);
});

Deno.test("findBannedChains reports each ban through a folder in between, with the chain and the reason", () => {
  for (const ban of BANS) {
    const goal = ban.to.endsWith("/") ? `src/${ban.to}a.ts` : `src/${ban.to}_linux.ts`;
    const between = "src/transport/a.ts";
    const chain = [importing(fileIn(ban.from), between), importing(between, goal)];
    const found = findBannedChains(chain, [ban]);
    assert.deepEqual(found, [
      `${fileIn(ban.from)} → ${between} → ${goal}: ${ban.from} may not reach ${ban.to}, because ${ban.because}`,
    ]);
    assert.deepEqual(findBannedChains(chain.slice(0, 1), [ban]), []);
  }
});

Deno.test("findCircles names a circle once and lets types go round", () => {
  const circle = [importing("src/a/x.ts", "src/a/y.ts"), importing("src/a/y.ts", "src/a/x.ts")];
  assert.deepEqual(findCircles(circle), ["src/a/x.ts → src/a/y.ts → src/a/x.ts"]);
  assert.deepEqual(findCircles([circle[0]!, { ...circle[1]!, isTypeOnly: true }]), []);
});
