import { ControlError, type EngineEvent, type MessageView, type SendParams } from "../ipc/mod.ts";
import { type Command, defineEngineCommand, type EngineRun } from "./cli/command.ts";
import { act } from "./cli/outcome.ts";
import { done, resultOf } from "./cli/output.ts";
import { INTERRUPTED } from "./cli/run.ts";
import { renderDeliveries, renderLine } from "./text/messages.ts";

/** Long enough for a tunnel to be tried, and the server after it. */
const WAIT_MS = 7_000;

const ARGS = [
  { name: "peer", summary: "A peer by client id, virtual address or nickname, or a network by its name" },
  {
    name: "text",
    summary: "What to say, at most 1024 bytes; without it lines are read",
    optional: true,
    repeated: true,
  },
] as const;

const OPTIONS = { network: { summary: "The first word names a network, even where a peer is called so" } } as const;

type ChatRun = EngineRun<typeof ARGS, typeof OPTIONS>;

/** Messages to a peer or a network. */
export const chat: Command = defineEngineCommand({
  name: "chat",
  group: "Messages",
  summary: "Write to a peer or to all members of a network",
  details: [
    "A message goes through the tunnel; where there is none the server keeps it, sealed for its receiver, until that one " +
    "comes. It is on this disk before `ok` is said, and sent again until it has arrived.",
    "Without a text each line of the input is a message. In a terminal what comes is shown as well; end with Ctrl-D.",
  ],
  args: ARGS,
  options: OPTIONS,
  examples: [
    { line: "chat bob see you at nine", does: "write to bob" },
    { line: 'chat "game night"', does: "talk in a network, line by line" },
    { line: "chat bob < notes.txt", does: "send each line of a file" },
  ],
  json: "{ok:true,message}, one a line; message as in `inbox`",
  output: done({ message: resultOf("send") }),
  run: async (run) => {
    const { text } = run.args;
    if (text !== undefined) return await sendOnce(run, text);
    if (!run.context.isInteractive || run.json) return await sendLines(run, (line) => sendOnce(run, line));
    return await talk(run);
  },
});

function paramsOf({ args, options }: ChatRun, text: string): SendParams {
  return { to: args.peer, kind: options.network ? "network" : "any", text, waitMs: WAIT_MS };
}

function sendOnce(run: ChatRun, text: string): Promise<number> {
  return act(run, `Writing to ${run.args.peer}`, async () => {
    const { message, note } = await send(run, text);
    return { note, json: { message } };
  });
}

async function send(run: ChatRun, text: string): Promise<{ message: MessageView; note: string }> {
  const message = await run.control.send(paramsOf(run, text));
  const { deliveries } = message;
  if (deliveries.length > 0 && deliveries.every(({ state }) => state === "failed")) {
    throw new ControlError("peerNotFound", deliveries[0]!.reason ?? undefined);
  }
  return { message, note: renderDeliveries(deliveries) };
}

/** One after the other, so that they arrive in order. */
async function sendLines(run: ChatRun, sendLine: (line: string) => Promise<number>): Promise<number> {
  const { context } = run;
  let exit = 0;
  for (let line = await context.readLine(); line !== null; line = await context.readLine()) {
    if (context.signal.aborted) return INTERRUPTED;
    if (line.trim() !== "" && await sendLine(line) !== 0) exit = 1;
  }
  return exit;
}

/** In a conversation only what did not arrive is worth a word. */
async function say(run: ChatRun, line: string): Promise<number> {
  try {
    const { note } = await send(run, line);
    if (note !== "delivered") run.context.print(`(${note})`);
    return 0;
  } catch (error) {
    if (!(error instanceof ControlError)) throw error;
    run.context.print(`(failed, ${error.message})`);
    return 1;
  }
}

/** What the person types goes, what comes from there is shown. */
async function talk(run: ChatRun): Promise<number> {
  const { context, control } = run;
  const leaving = new AbortController();
  const signal = AbortSignal.any([leaving.signal, context.signal]);
  const { to, network } = await partnerOf(run);
  const isHere = ({ direction, from, network: place }: MessageView) =>
    direction === "in" && (network === null ? place === null && from.id === to : place === network);
  const listening = showWhatComes(run, control.events({ kinds: ["message"] }, signal), isHere);
  context.print(`Each line is a message to ${run.args.peer}. Ctrl-D ends.`);
  const there = { ...run, args: { ...run.args, peer: network ?? to } };
  const typed = sendLines(run, (line) => say(there, line));
  const interrupted = new Promise<number>((resolve) =>
    context.signal.addEventListener("abort", () => resolve(INTERRUPTED), { once: true })
  );
  try {
    return await Promise.race([typed, interrupted]);
  } finally {
    leaving.abort();
    await listening;
  }
}

async function partnerOf({ args, options, control }: ChatRun): Promise<{ to: string; network: string | null }> {
  try {
    if (!options.network) return { to: (await control.peer({ peer: args.peer })).id, network: null };
  } catch (error) {
    if (!(error instanceof ControlError) || error.code !== "peerNotFound") throw error;
  }
  const { id, name } = await control.network({ network: args.peer });
  return { to: id, network: name };
}

async function showWhatComes(
  { context, control }: ChatRun,
  events: AsyncIterable<EngineEvent>,
  isHere: (message: MessageView) => boolean,
): Promise<void> {
  try {
    for await (const event of events) {
      if (event.kind !== "message" || !isHere(event.message)) continue;
      context.print(renderLine(event.message));
      const { from, network } = event.message;
      await control.inbox({ with: network ?? from.id, all: false, markRead: true, limit: 100 });
    }
  } catch (error) {
    // The connection ends with the conversation; else the engine has gone, which the next line will tell.
    if (!(error instanceof ControlError)) throw error;
  }
}
