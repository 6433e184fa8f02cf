import type { ControlConnection, EngineControl } from "../../ipc/mod.ts";
import type { Context } from "./context.ts";
import type { OutputSchema } from "./output.ts";

/** A word that a command takes by its place. */
export interface ArgumentSpec {
  /** Name in help and in `run`, such as `network`. */
  readonly name: string;
  /** One line of help. */
  readonly summary: string;
  /** May be left out. Only the last ones may. */
  readonly optional?: true;
  /** Takes all words that are left, with blanks between. Only the last one may. */
  readonly repeated?: true;
  /** All that it may be. */
  readonly choices?: readonly string[];
  /** What a shell completes it with; by default a `network`, `peer` or `member` by its name, and nothing else. */
  readonly completes?: "networks" | "peers" | "commands" | "files" | "folders" | "nothing";
  /** It is a password: see `SecretSpec`. */
  readonly secret?: SecretSpec;
}

/** A password: `-` takes it from stdin, and at a terminal one that was left out is asked for, unseen. */
export interface SecretSpec {
  /** A new one: typed again to be sure. */
  readonly twice?: true;
  /** An empty one is asked for again. */
  readonly required?: true;
  /** Not asked for when another argument begins so. */
  readonly notWith?: string;
}

/** An option, written `--name`, `--name VALUE` or `--name=VALUE`. */
export interface OptionSpec {
  /** One line of help. */
  readonly summary: string;
  /** Name of its value in help, such as `DIR`; without it the option is a switch. */
  readonly value?: string;
  /** All that its value may be. */
  readonly choices?: readonly string[];
  /** One letter, for `-x`. */
  readonly short?: string;
  /** Must be given. */
  readonly required?: true;
}

/** Options by name, without the dashes. */
export type OptionSpecs = Readonly<Record<string, OptionSpec>>;

/** A line to type, and what it does. */
export interface Example {
  /** The words after the program's name. */
  readonly line: string;
  /** What it does, as a phrase. */
  readonly does: string;
}

/** Headings under which help lists commands, in order. */
export const COMMAND_GROUPS = [
  "This computer",
  "Networks",
  "Powers",
  "Members",
  "Messages",
  "Server",
  "Laboratory",
  "Help",
] as const;

/** One of these headings. */
export type CommandGroup = (typeof COMMAND_GROUPS)[number];

/** What help, completion, the reference and the prompt read of a command. */
export interface CommandHelp<A extends readonly ArgumentSpec[], O extends OptionSpecs> {
  /** What one types; a subcommand has a blank in it, such as `server invite`. */
  readonly name: string;
  /** Other names of the same command. */
  readonly aliases?: readonly string[];
  /** For programs only: no help, completion or reference lists it. */
  readonly hidden?: true;
  /** Where help lists it. */
  readonly group: CommandGroup;
  /** One line, beginning with a verb. */
  readonly summary: string;
  /** More, one paragraph each. */
  readonly details?: readonly string[];
  /** In the order they are typed. */
  readonly args?: A;
  /** Its options, without those that all of its kind have. */
  readonly options?: O;
  /** At least one. */
  readonly examples: readonly Example[];
  /** What `--json` prints, as a sketch of the record or in words. */
  readonly json: string;
  /** The shape of each line of it; a `REFUSAL` may always stand in its place. Null, for hidden commands only: it prints none. */
  readonly output: OutputSchema | null;
}

/** A verb of the program. */
export interface Command extends Required<Omit<CommandHelp<readonly ArgumentSpec[], OptionSpecs>, "hidden">> {
  /** See `CommandHelp`. */
  readonly hidden?: true;

  /** Does it and resolves to the exit code. Rejects with `UserError`, `ControlError` or `EngineUnreachableError`. */
  run(context: Context, input: Input): Promise<number>;
}

/** Arguments and options as the parser finds them: one property for each that the command declares. */
export interface Input {
  /** Arguments by name, `undefined` = left out. */
  readonly args: Readonly<Record<string, string | undefined>>;
  /** Options by name: a switch is a boolean; a value is `undefined` when not given. */
  readonly options: Readonly<Record<string, string | boolean | undefined>>;
}

/** The arguments of `A` by name. */
export type ArgumentValues<A extends readonly ArgumentSpec[]> = {
  readonly [Spec in A[number] as Spec["name"]]: Spec extends { optional: true } ? string | undefined : string;
};

/** The options of `O` by name. */
export type OptionValues<O extends OptionSpecs> = {
  readonly [Name in keyof O]: O[Name] extends { value: string }
    ? (O[Name] extends { required: true } ? string : string | undefined)
    : boolean;
};

/** A run of a command whose declaration has `A` and `O`. */
export interface Run<A extends readonly ArgumentSpec[], O extends OptionSpecs> {
  /** The world of the run. */
  readonly context: Context;
  /** See `ArgumentValues`. */
  readonly args: ArgumentValues<A>;
  /** See `OptionValues`. */
  readonly options: OptionValues<O>;
  /** Whether `--json` was given. */
  readonly json: boolean;
}

/** A run of a command that talks to the engine. */
export interface EngineRun<A extends readonly ArgumentSpec[], O extends OptionSpecs> extends Run<A, O> {
  /** The running engine. */
  readonly control: EngineControl;
  /** The connection to it, which ends with the run. */
  readonly connection: ControlConnection;
}

const JSON_OPTION: OptionSpecs = { json: { summary: "Print JSON, for programs" } };

/** The option by which a command finds its engine. */
export const STATE_OPTION = {
  state: {
    value: "DIR",
    summary: "The engine's folder (default: $BURI_STATE, or the user's own)",
  },
};

/** A command; `run` gets the types of its arguments and options from the declaration. */
export function defineCommand<
  const A extends readonly ArgumentSpec[] = [],
  const O extends OptionSpecs = Record<never, never>,
>(declaration: CommandHelp<A, O> & { run(run: Run<A, O>): Promise<number> }): Command {
  const { aliases = [], details = [], args = [], options = {} } = declaration;
  return {
    ...declaration,
    aliases,
    details,
    args,
    options: { ...options, ...JSON_OPTION },
    run: (context, input) =>
      declaration.run({
        context,
        // The parser fills both by the same declaration from which the types are made.
        args: input.args as unknown as ArgumentValues<A>,
        options: input.options as unknown as OptionValues<O>,
        json: input.options["json"] === true,
      }),
  };
}

/** A command that talks to the running engine, which it finds by `--state`. */
export function defineEngineCommand<
  const A extends readonly ArgumentSpec[] = [],
  const O extends OptionSpecs = Record<never, never>,
>(declaration: CommandHelp<A, O> & { run(run: EngineRun<A, O>): Promise<number> }): Command {
  return defineCommand({
    ...declaration,
    options: { ...declaration.options, ...STATE_OPTION },
    run: (run) =>
      withEngine(
        run.context,
        run.options["state"] as string | undefined,
        (connection) =>
          declaration.run({ ...run, control: connection.control, connection } as unknown as EngineRun<A, O>),
      ),
  });
}

/** Talks to the running engine; the connection ends when `talk` does. Rejects with `EngineUnreachableError`. */
export async function withEngine(
  context: Context,
  stateOption: string | undefined,
  talk: (connection: ControlConnection) => Promise<number>,
): Promise<number> {
  const connection = await context.connect(stateOption);
  const close = () => connection.close();
  context.signal.addEventListener("abort", close);
  try {
    return await talk(connection);
  } finally {
    context.signal.removeEventListener("abort", close);
    close();
    await connection.ended;
  }
}
