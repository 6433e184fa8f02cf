import { dirname, join } from "node:path";

/** The project's folder, wherever a task was started. */
export const ROOT: string = dirname(import.meta.dirname!);

/** An absolute path inside the project. */
export function inRoot(...parts: string[]): string {
  return join(ROOT, ...parts);
}
