/**
 * The loop of the full-screen view: it alone owns the terminal, the connection and the clock. What is shown and what a key
 * does is decided elsewhere, without them.
 *
 * @module
 */

import { Buffer } from "node:buffer";
import type { Clock } from "../../base/clock.ts";
import { type ControlConnection, ControlError, EngineUnreachableError } from "../../ipc/mod.ts";
import { Painter } from "../paint.ts";
import type { Terminal } from "../terminal.ts";
import { perform, refusal } from "./actions.ts";
import { type Action, type Call, initialModel, type Model, type ViewControl } from "./model.ts";
import { onEvent, type ViewEvent } from "./on_event.ts";
import { render } from "./render.ts";
import { shownNick } from "./words.ts";

/** How often the engine is asked, and looked for while it does not run. */
const ASK_EVERY_MS = 1000;

const TICK_MS = 1000;

const PINGS = { count: null, intervalMs: 1000, timeoutMs: 2000 };

/** What the view needs of the world. */
export interface ViewOptions {
  /** Opened for a screen; the caller closes it. */
  terminal: Terminal;
  /** Looks for the engine. Rejects when there is none. */
  connect: () => Promise<ControlConnection>;
  /** Time. */
  clock: Clock;
  /** Ends the view. */
  signal: AbortSignal;
  /** Words that start an engine. */
  startCommand: string;
}

/** Shows the engine on the whole screen until the person quits, the signal aborts or the terminal is gone. */
export async function runView(options: ViewOptions): Promise<void> {
  await new View(options).run();
}

class View {
  readonly #options: ViewOptions;
  readonly #painter: Painter;
  readonly #ended = new AbortController();
  #model: Model;
  #connection: ControlConnection | null = null;
  #ping = new AbortController();
  #wakeAsker: () => void = () => {};
  #cancelTick: () => void = () => {};
  readonly #work = new Set<Promise<void>>();

  constructor(options: ViewOptions) {
    this.#options = options;
    this.#painter = new Painter(options.terminal.hasColor);
    this.#model = initialModel({ startCommand: options.startCommand, now: options.clock.now() });
  }

  async run(): Promise<void> {
    const { signal } = this.#options;
    const end = () => this.#end();
    if (signal.aborted) end();
    else signal.addEventListener("abort", end);
    const asker = this.#ask();
    try {
      this.#tick();
      await this.#listen();
    } finally {
      signal.removeEventListener("abort", end);
      this.#end();
      await Promise.all([asker, ...this.#work]);
    }
  }

  #end(): void {
    this.#ended.abort();
    this.#ping.abort();
    this.#connection?.close();
    this.#cancelTick();
    this.#wakeAsker();
  }

  /** What depends on time alone goes on while the engine is silent. */
  #tick(): void {
    this.#take({ on: "tick" });
    if (!this.#ended.signal.aborted) this.#cancelTick = this.#options.clock.after(TICK_MS, () => this.#tick());
  }

  /** Takes what the terminal tells until the end. */
  async #listen(): Promise<void> {
    const { terminal } = this.#options;
    const ended = new Promise<null>((resolve) => {
      if (this.#ended.signal.aborted) resolve(null);
      this.#ended.signal.addEventListener("abort", () => resolve(null));
    });
    for (;;) {
      const event = await Promise.race([terminal.next(), ended]);
      if (event === null || event.on === "hungUp") return;
      if (event.on === "key") this.#take(event);
      else this.#redraw();
    }
  }

  #redraw(): void {
    this.#painter.forget();
    this.#draw();
  }

  #draw(): void {
    const { terminal } = this.#options;
    if (this.#ended.signal.aborted) return;
    const size = terminal.size();
    const text = this.#painter.paint(render(this.#model, size), size);
    if (text !== "") terminal.write(text);
  }

  #take(event: ViewEvent): void {
    const { model, action } = onEvent(this.#model, event, this.#options.clock.now());
    this.#model = model;
    this.#draw();
    if (action !== undefined) this.#act(action);
  }

  #act(action: Action): void {
    const { terminal } = this.#options;
    switch (action.do) {
      case "quit":
        return this.#end();
      case "redraw":
        return this.#redraw();
      case "suspend":
        return terminal.suspend();
      case "copy":
        // OSC 52: the terminal puts it on the clipboard, of the computer the person sits at.
        terminal.write(`\u001b]52;c;${Buffer.from(action.text).toString("base64")}\u0007`);
        return this.#tell(`Copied ${action.text}, if the terminal allows it`);
      case "stopPing":
        return this.#ping.abort();
      case "ping":
        return this.#start(this.#pingMember(action.member));
      default:
        return this.#start(this.#call(action));
    }
  }

  #start(work: Promise<void>): void {
    const kept = work.finally(() => this.#work.delete(kept));
    this.#work.add(kept);
  }

  #tell(text: string, isFailure = false): void {
    this.#take({ on: "told", text, isFailure });
  }

  async #call(action: Call): Promise<void> {
    try {
      if (this.#connection === null) throw new ControlError("engineGone");
      this.#tell(await perform(this.#connection.control, action));
    } catch (error) {
      this.#tell(refusal(action.do, error), true);
    }
    this.#wakeAsker();
  }

  async #pingMember(member: string): Promise<void> {
    this.#ping.abort();
    const { signal } = this.#ping = new AbortController();
    try {
      if (this.#connection === null) throw new ControlError("engineGone");
      for await (const reply of this.#connection.control.ping({ peer: member, ...PINGS }, signal)) {
        if (signal.aborted) return;
        this.#take({ on: "pinged", member, reply });
      }
    } catch (error) {
      if (!signal.aborted) this.#tell(`Cannot ping: ${error instanceof Error ? error.message : String(error)}`, true);
    }
  }

  /** Asks the engine for its state, again and again, and looks for it while it cannot be reached. */
  async #ask(): Promise<void> {
    while (!this.#ended.signal.aborted) {
      try {
        if (this.#connection === null) {
          this.#connection = await this.#options.connect();
          this.#start(this.#follow(this.#connection.control));
          void this.#connection.ended.then(() => this.#wakeAsker());
        }
        if (this.#ended.signal.aborted) break;
        const { control } = this.#connection;
        const [status, networks] = await Promise.all([control.status(), control.list()]);
        this.#take({ on: "answered", status, networks });
      } catch (error) {
        this.#connection?.close();
        this.#connection = null;
        this.#take(unreachable(error));
      }
      await this.#pause();
    }
    this.#connection?.close();
  }

  /** Shows messages as they come; they stay unread for `inbox`. */
  async #follow(control: ViewControl): Promise<void> {
    try {
      for await (const event of control.events({ kinds: ["message"] }, this.#ended.signal)) {
        if (event.kind !== "message" || event.message.direction !== "in") continue;
        const { from, network, text } = event.message;
        const where = network === null ? "" : ` in ${network}`;
        this.#tell(`${shownNick(from.nick)}${where}: ${text ?? "(cannot be read)"}`);
      }
    } catch {
      // the engine is gone, which the next question finds out, or older than messages
    }
  }

  #pause(): Promise<void> {
    return new Promise((resolve) => {
      if (this.#ended.signal.aborted) return resolve();
      const cancel = this.#options.clock.after(ASK_EVERY_MS, resolve);
      this.#wakeAsker = () => {
        cancel();
        resolve();
      };
    });
  }
}

function unreachable(error: unknown): ViewEvent {
  if (error instanceof EngineUnreachableError) return { on: "unreachable", reason: error.reason, detail: "" };
  if (error instanceof ControlError && error.code === "engineGone") {
    return { on: "unreachable", reason: "notRunning", detail: "" };
  }
  return { on: "unreachable", reason: "failed", detail: error instanceof Error ? error.message : String(error) };
}
