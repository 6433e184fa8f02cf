/**
 * How a request of a logged-in client becomes an answer: found in a table, done in its turn, answered once.
 *
 * @module
 */
import { ByteReader, ByteWriter } from "../base/bytes.ts";
import { ProtocolError } from "../base/errors.ts";
import {
  type ControlMessage,
  type ControlMessageOf,
  type ControlName,
  decodeControl,
  RESULT_CODE,
  resultWords,
  type UnknownControlMessage,
} from "../protocol/mod.ts";
import { RefusedError } from "./refusal.ts";
import type { RegistryContext } from "./registry.ts";
import { StoreBusyError, type StoreTransaction, StoreUnwritableError } from "./store.ts";
import type { ControlClient, World } from "./world.ts";

/** What a successful RESULT carries after its code; empty for most. */
export type Payload = Uint8Array;

/** The payload of requests that only succeed. */
export const NOTHING: Payload = new Uint8Array();

/** Does one kind of message; gives the payload of its RESULT, or null where there is none to send. */
export type Handler<N extends ControlName> = (
  world: World,
  client: ControlClient,
  message: ControlMessageOf<N>,
) => Promise<Payload | null>;

/** Handlers by message name. */
export type Handlers = { readonly [N in ControlName]?: Handler<N> };

/** Names of requests that change something and so carry `operation`. */
export type ChangeName = { [N in ControlName]: "operation" extends keyof ControlMessageOf<N> ? N : never }[ControlName];

/** A change: what it does to the store, and whom it tells once that is on the disk. */
export interface Change {
  /** Payload of the RESULT. */
  payload: Payload;
  /** Tells whom it concerns. The one who asked hears this before the RESULT. */
  tell: () => Promise<void> | void;
}

/** Does the store's part of a change. @throws {RefusedError} */
export type ChangeWork<N extends ControlName> = (
  transaction: StoreTransaction,
  context: RegistryContext,
  message: ControlMessageOf<N>,
  client: ControlClient,
  world: World,
) => Promise<Change>;

/** For so long the answer to an operation is repeated. */
const ANSWER_MEMORY_MS = 24 * 3600 * 1000;

const OPERATION_LENGTH = 8;

const CANNOT_SAVE = "Its disk is full or fails: whoever runs the server has to make room there.";

/**
 * Makes a handler of a change: check, use and answer are one transaction, and the same operation again gets the same answer
 * and changes nothing.
 */
export function changing<N extends ChangeName>(work: ChangeWork<N>): Handler<N> {
  return (world, client, message) => world.turns.take(() => changeOnce(world, client, message, work));
}

async function changeOnce<N extends ChangeName>(
  world: World,
  client: ControlClient,
  message: ControlMessageOf<N>,
  work: ChangeWork<N>,
): Promise<Payload> {
  const { operation: number } = message as unknown as { operation: bigint };
  const operation = new ByteWriter(OPERATION_LENGTH).u64(number).finish();
  const { payload, tell } = await world.store.write(async (transaction) => {
    const context = world.context();
    const rememberedSinceMs = context.nowMs - ANSWER_MEMORY_MS;
    const given = await transaction.answer(client.clientId, operation, rememberedSinceMs);
    if (given !== null) return { payload: given, tell: () => {} };
    const change = await work(transaction, context, message, client, world);
    const { clientId } = client;
    const answer = { clientId, operation, answer: change.payload, givenAtMs: context.nowMs };
    await transaction.putAnswer(answer, rememberedSinceMs);
    return change;
  });
  await tell();
  return payload;
}

/** Carries out one message of a logged-in client and answers it. Never throws. */
export async function handlePlaintext(
  world: World,
  client: ControlClient,
  handlers: Handlers,
  plaintext: Uint8Array,
): Promise<void> {
  let message: ControlMessage | UnknownControlMessage;
  try {
    message = decodeControl(plaintext, "client");
  } catch (error) {
    if (!(error instanceof ProtocolError)) throw error;
    world.log.info("message is malformed", { client: client.clientId, reason: error.message });
    return sendRefusal(client, requestIdOf(plaintext), new RefusedError("notUnderstood"));
  }
  const handler = message.type === "unknown" ? undefined : handlers[message.type];
  if (handler === undefined) return sendRefusal(client, message.requestId, new RefusedError("notUnderstood"));
  try {
    // The table pairs each handler with its message; the compiler cannot follow that through a look-up by name.
    const payload = await (handler as Handler<ControlName>)(world, client, message as never);
    if (payload === null || message.requestId === 0) return;
    client.send({ type: "result", requestId: message.requestId, code: RESULT_CODE.ok, message: "", payload });
  } catch (error) {
    sendRefusal(client, message.requestId, refusalOf(world, client, message.type, error));
  }
}

/** What is told of an error: a reason of ours, or for everything else no more than that it happened. */
function refusalOf(world: World, client: ControlClient, request: string, error: unknown): RefusedError {
  if (error instanceof RefusedError) return error;
  // Whoever opened the store has told the operator, once; clients may ask a thousand times.
  if (error instanceof StoreUnwritableError) return new RefusedError("cannotSave", CANNOT_SAVE);
  const isBusy = error instanceof StoreBusyError;
  world.log.error(isBusy ? "the store is busy" : "request failed", { client: client.clientId, request, error });
  return new RefusedError(isBusy ? "busy" : "internalError");
}

function sendRefusal(client: ControlClient, requestId: number, { refusal, details }: RefusedError): void {
  if (requestId === 0) return;
  const code = RESULT_CODE[refusal];
  client.send({ type: "result", requestId, code, message: details ?? resultWords(code), payload: NOTHING });
}

/** 0 where the message is too short to have one. */
function requestIdOf(plaintext: Uint8Array): number {
  return plaintext.length < 5 ? 0 : new ByteReader(plaintext.subarray(1)).u32();
}
