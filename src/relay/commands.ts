/**
 * What the main thread tells the forwarding worker. The worker blocks in epoll and has no event loop while it works, so
 * commands are bytes on a descriptor that it watches.
 *
 *     set    0x01 | spi u32 | peerSpi u32 | class u8 | rateKbit u32 | endpoint 18
 *     clear  0x02 | spi u32
 *     send   0x03 | endpoint 18 | datagram
 *
 * @module
 */
import { ByteReader, ByteWriter } from "../base/bytes.ts";
import type { Endpoint } from "../base/ip.ts";
import { endpoint } from "../protocol/mod.ts";
import type { Binding, BindingChange } from "./types.ts";

/** A command. */
export type Command = BindingChange | { do: "send"; to: Endpoint; datagram: Uint8Array };

/** Longest command in bytes: that of the longest answer, with room to spare. */
export const MAX_COMMAND_LENGTH = 512;

const SET = 1;
const CLEAR = 2;
const SEND = 3;

/** The bytes of a command. */
export function encodeCommand(command: Command): Uint8Array<ArrayBuffer> {
  const writer = new ByteWriter();
  switch (command.do) {
    case "set": {
      const { spi, peerSpi, class: relayClass, rateKbit, endpoint: to } = command.binding;
      writer.u8(SET).u32(spi).u32(peerSpi).u8(relayClass).u32(rateKbit);
      endpoint.write(writer, to);
      break;
    }
    case "clear":
      writer.u8(CLEAR).u32(command.spi);
      break;
    case "send":
      writer.u8(SEND);
      endpoint.write(writer, command.to);
      writer.bytes(command.datagram);
  }
  return writer.finish();
}

/** Reads a command. @throws {ProtocolError} for bytes that {@linkcode encodeCommand} does not write */
export function decodeCommand(bytes: Uint8Array): Command {
  const reader = new ByteReader(bytes);
  const type = reader.u8();
  if (type === SET) return { do: "set", binding: readBinding(reader) };
  if (type === CLEAR) return { do: "clear", spi: reader.u32() };
  return { do: "send", to: endpoint.read(reader), datagram: reader.rest() };
}

function readBinding(reader: ByteReader): Binding {
  return {
    spi: reader.u32(),
    peerSpi: reader.u32(),
    class: reader.u8(),
    rateKbit: reader.u32(),
    endpoint: endpoint.read(reader),
  };
}
