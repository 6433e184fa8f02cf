/**
 * What Buri shows to and asks of a person at a terminal: the full-screen view, and questions on a line.
 *
 * @module
 */

export { ask } from "./ask.ts";
export type { Form, Question } from "./form.ts";
export { openTerminal } from "./system_terminal.ts";
export type { OpenTerminal, Terminal, TerminalEvent, TerminalUse } from "./terminal.ts";
export { runView, type ViewOptions } from "./view/view.ts";
