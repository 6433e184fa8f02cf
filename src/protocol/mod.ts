/**
 * The wire: every message of PROTOCOL.md as a pure codec. No keys, no I/O, no clock.
 *
 * @module
 */

export * from "./constants.ts";
export * from "./control.ts";
export * from "./control_codes.ts";
export * from "./control_table.ts";
export * from "./data.ts";
export * from "./datagrams.ts";
export * from "./discovery.ts";
export * from "./exchange.ts";
export * from "./fields.ts";
export * from "./frames.ts";
export * from "./inner_frames.ts";
export * from "./invite.ts";
export * from "./login.ts";
export * from "./macs.ts";
export * from "./name_key.ts";
export * from "./negotiation.ts";
export * from "./records.ts";
export * from "./relay.ts";
export * from "./sealed_message.ts";
export * from "./relay_stream.ts";
export * from "./transcripts.ts";
