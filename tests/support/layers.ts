import type { Import } from "./module_graph.ts";

/** What one folder of src/ may import. */
export interface Layer {
  readonly folder: string;
  /** Folders, besides itself. */
  readonly imports: readonly string[];
  /** Packages and built-ins; `node:*` stands for all built-ins. */
  readonly packages: readonly string[];
  /** Why it may import nothing else; completes "may not …, because". */
  readonly because: string;
}

/** A ban that holds through any number of steps, which the table of direct imports cannot say. */
export interface Ban {
  /** A folder of src/. */
  readonly from: string;
  /** A folder of src/, or the beginning of a file's path inside it. */
  readonly to: string;
  readonly because: string;
}

/** The folder of src/ that holds `path`; the file's own name for main.ts. */
function folderOf(path: string): string {
  return path.startsWith("src/") ? path.split("/")[1]! : path;
}

/** Every import that `layers` does not allow, as a sentence with its reason. */
export function findLayerViolations(imports: readonly Import[], layers: readonly Layer[]): string[] {
  return imports.flatMap(({ from, to }) => {
    const layer = layers.find(({ folder }) => folder === folderOf(from));
    if (layer === undefined) return [`${from} lies in no layer: give its folder a line in the table`];
    if (to === from || isAllowed(layer, to)) return [];
    return [`${from} may not import ${to}, because ${layer.because}`];
  });
}

function isAllowed(layer: Layer, to: string): boolean {
  if (to.startsWith("src/")) return folderOf(to) === layer.folder || layer.imports.includes(folderOf(to));
  const isBuiltIn = to.startsWith("node:");
  return layer.packages.includes(to) || (isBuiltIn && layer.packages.includes("node:*"));
}

/** Every chain of imports that leads from a ban's folder to what it is banned from, as a sentence with its reason. */
export function findBannedChains(imports: readonly Import[], bans: readonly Ban[]): string[] {
  const next = Map.groupBy(imports, ({ from }) => from);
  return bans.flatMap((ban) => {
    const starts = [...next.keys()].filter((file) => folderOf(file) === ban.from);
    const chain = findChain(starts, next, (file) => `${file}/`.startsWith(`src/${ban.to}`));
    return chain === null ? [] : [`${chain.join(" → ")}: ${ban.from} may not reach ${ban.to}, because ${ban.because}`];
  });
}

/** The shortest chain from one of `starts` to a file that `isGoal`. */
function findChain(
  starts: readonly string[],
  next: ReadonlyMap<string, Import[]>,
  isGoal: (file: string) => boolean,
): string[] | null {
  const seen = new Set(starts);
  const queue = starts.map((start) => [start]);
  for (const chain of queue) {
    for (const { to } of next.get(chain.at(-1)!) ?? []) {
      if (isGoal(to)) return [...chain, to];
      if (seen.has(to)) continue;
      seen.add(to);
      queue.push([...chain, to]);
    }
  }
  return null;
}

/** Files that, by imports of values, lead back to themselves; each circle is named by its chain. */
export function findCircles(imports: readonly Import[]): string[] {
  const next = Map.groupBy(imports.filter(({ isTypeOnly }) => !isTypeOnly), ({ from }) => from);
  const circles = [...next.keys()].flatMap((file) => {
    const chain = findChain([file], next, (goal) => goal === file);
    // Every file of a circle finds it; only the first by name reports it.
    return chain !== null && chain.every((other) => file <= other) ? [chain.join(" → ")] : [];
  });
  return circles.sort();
}
