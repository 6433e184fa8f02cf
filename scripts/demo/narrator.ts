import { safe } from "../../src/base/safe.ts";

/** What a step of the demo did, as `--json` gives it. */
export interface StepRecord {
  /** From 1. */
  number: number;
  /** What is shown. */
  title: string;
  /** Whether all its checks passed. */
  ok: boolean;
  /** How long it took. */
  seconds: number;
  /** What was said about it. */
  remarks: string[];
  /** Buri's own commands with what they printed. */
  commands: { computer: string; command: string; output: string[] }[];
  /** Figures, with their units in the names. */
  measures: Record<string, number | string | boolean | null>;
}

/** The whole demo, as `--json` gives it. */
export interface DemoRecord {
  /** `ok`, or the title of the step that failed. */
  demo: string;
  /** Why it failed, absent when it did not. */
  reason?: string;
  /** How long it took. */
  seconds: number;
  /** What this machine did not allow to show. */
  leftOut: string[];
  /** In order. */
  steps: StepRecord[];
}

/** Tells a person, or a program, what happens. */
export class Narrator {
  readonly #isJson: boolean;
  readonly #write: (line: string) => void;
  readonly #record: DemoRecord = { demo: "unfinished", seconds: 0, leftOut: [], steps: [] };
  readonly #startedAt = performance.now();
  #stepStartedAt = 0;

  /** `write` prints one line to standard output. With `isJson` nothing is printed before the end. */
  constructor(isJson: boolean, write: (line: string) => void) {
    this.#isJson = isJson;
    this.#write = write;
  }

  /** Title line of the whole. */
  open(title: string): void {
    this.#print(title);
  }

  /** One line on what this machine does not allow. */
  leaveOut(what: string): void {
    this.#record.leftOut.push(what);
    this.#print(`Left out: ${what}.`);
  }

  /** Begins a step. */
  begin(title: string): void {
    const number = this.#record.steps.length + 1;
    this.#stepStartedAt = performance.now();
    this.#record.steps.push({ number, title, ok: false, seconds: 0, remarks: [], commands: [], measures: {} });
    this.#print("");
    this.#print(`${number}. ${title}`);
  }

  /** A sentence for the person who watches. */
  say(remark: string): void {
    this.#step.remarks.push(remark);
    this.#print(`   ${remark}`);
  }

  /** A command of Buri and what it printed. */
  show(computer: string, command: string, output: string[]): void {
    const lines = output.map(safeLine);
    this.#step.commands.push({ computer, command, output: lines });
    this.#print(`   ${computer}$ ${command}`);
    for (const line of lines) this.#print(`     ${line}`);
  }

  /** A figure for programs; people read it in a sentence. */
  measure(name: string, value: number | string | boolean | null): void {
    this.#step.measures[name] = value;
  }

  /** The step's checks have passed. */
  end(): void {
    this.#step.ok = true;
    this.#step.seconds = secondsSince(this.#stepStartedAt);
    this.#print(`   ok (${this.#step.seconds.toFixed(1)} s)`);
  }

  /** The last line of all. */
  close(failure: Error | null): void {
    this.#record.seconds = secondsSince(this.#startedAt);
    const title = this.#record.steps.at(-1)?.title ?? "start";
    this.#record.demo = failure === null ? "ok" : title;
    if (failure !== null) this.#record.reason = failure.message;
    if (this.#isJson) return this.#write(JSON.stringify(this.#record));
    this.#print("");
    if (failure !== null) this.#print(`demo: failed at "${title}": ${failure.message}`);
    else this.#print(`${this.#record.steps.length} steps in ${this.#record.seconds.toFixed(1)} s\ndemo: ok`);
  }

  get #step(): StepRecord {
    const step = this.#record.steps.at(-1);
    if (step === undefined) throw new Error("Cannot narrate: no step has begun");
    return step;
  }

  #print(line: string): void {
    if (!this.#isJson) this.#write(line);
  }
}

/** Keeps the blanks that line columns up, and nothing that could drive a terminal. */
function safeLine(line: string): string {
  return safe(line).trimEnd();
}

function secondsSince(startedAt: number): number {
  return Math.round(performance.now() - startedAt) / 1000;
}
