/**
 * Netlink (RFC 3549, netlink(7)): messages to and from the kernel, in host byte order, which is little-endian on every
 * system Buri runs on.
 *
 * ```
 * message    length u32 | type u16 | flags u16 | sequence u32 | port u32 | body … | attributes …   (4-byte aligned)
 * attribute  length u16 | type u16 | value …                                                       (4-byte aligned)
 * ```
 *
 * @module
 */
import { utf8 } from "../base/bytes.ts";
import { SystemError } from "./errno.ts";
import {
  bindSocket,
  closeDescriptor,
  openSocket,
  receiveMessage,
  sendMessage,
  setSocketOption,
  SOCKET,
  waitReadable,
} from "./posix_linux.ts";

/** Flags of a request (linux/netlink.h). */
export const NLM = { REQUEST: 1, ACK: 4, DUMP: 0x300, REPLACE: 0x100, EXCL: 0x200, CREATE: 0x400, APPEND: 0x800 };

const NLMSG_ERROR = 2;
const NLMSG_DONE = 3;
const NLM_F_CAPPED = 0x100;
const NLM_F_ACK_TLVS = 0x200;
const NLMSGERR_ATTR_MSG = 1;
const NLA_F_NESTED = 0x8000;
const NLA_TYPE_MASK = 0x3fff;
const SOL_NETLINK = 270;
const NETLINK_CAP_ACK = 10;
const NETLINK_EXT_ACK = 11;
const HEADER_LENGTH = 16;
/** The kernel never builds a larger datagram of a dump unless asked by a larger buffer (netlink_dump). */
const RECEIVE_LENGTH = 65536;
const ANSWER_TIMEOUT_MS = 5000;
const EINTR = 4;
const ETIMEDOUT = 110;

/** One message from the kernel without its header. */
export interface NetlinkMessage {
  /** What kind of message, meaningful per protocol. */
  type: number;
  /** Everything after the 16-byte header. */
  body: Uint8Array<ArrayBuffer>;
}

/** Builds a body: fixed fields first, attributes after them. */
export class NetlinkWriter {
  readonly #bytes: number[];

  /** Goes on after `start`, such as the fixed fields that another function wrote. */
  constructor(start: Uint8Array = new Uint8Array()) {
    this.#bytes = [...start];
  }

  /** What was written so far. */
  finish(): Uint8Array<ArrayBuffer> {
    return new Uint8Array(this.#bytes);
  }

  /** Appends fixed fields, each of the given width. */
  fields(...fields: (readonly [width: 1 | 2 | 4, value: number])[]): this {
    for (const [width, value] of fields) {
      for (let shift = 0; shift < width; shift++) this.#bytes.push((value >>> (8 * shift)) & 0xff);
    }
    return this;
  }

  /** Appends an attribute with a value as is, such as an address in network byte order. */
  bytes(type: number, value: Uint8Array): this {
    this.fields([2, 4 + value.length], [2, type]);
    for (const byte of value) this.#bytes.push(byte);
    while (this.#bytes.length % 4 !== 0) this.#bytes.push(0);
    return this;
  }

  /** Appends an unsigned 32-bit attribute in host order. */
  u32(type: number, value: number): this {
    return this.bytes(type, new NetlinkWriter().fields([4, value]).finish());
  }

  /** Appends an unsigned 32-bit attribute in network order, as nf_tables wants them. */
  u32Network(type: number, value: number): this {
    return this.bytes(type, new NetlinkWriter().fields([4, value]).finish().reverse());
  }

  /** Appends text with its closing zero byte. */
  text(type: number, value: string): this {
    return this.bytes(type, utf8(`${value}\0`));
  }

  /** Appends an attribute that holds what `fill` writes. */
  nested(type: number, fill: (inner: NetlinkWriter) => void): this {
    const inner = new NetlinkWriter();
    fill(inner);
    return this.bytes(type | NLA_F_NESTED, inner.finish());
  }
}

/** Splits attributes; of two with one type the later one counts. Stops at the first that does not fit. */
export function parseAttributes(bytes: Uint8Array<ArrayBuffer>): Map<number, Uint8Array<ArrayBuffer>> {
  const attributes = new Map<number, Uint8Array<ArrayBuffer>>();
  const view = viewOf(bytes);
  for (let offset = 0; offset + 4 <= bytes.length;) {
    const length = view.getUint16(offset, true);
    if (length < 4 || offset + length > bytes.length) break;
    attributes.set(view.getUint16(offset + 2, true) & NLA_TYPE_MASK, bytes.slice(offset + 4, offset + length));
    offset += align(length);
  }
  return attributes;
}

/** The attribute as a number in host order; undefined when it is absent or no u32. */
export function attributeU32(attributes: Map<number, Uint8Array<ArrayBuffer>>, type: number): number | undefined {
  const value = attributes.get(type);
  return value?.length === 4 ? viewOf(value).getUint32(0, true) : undefined;
}

/** The attribute as text without its closing zero byte; undefined when it is absent. */
export function attributeText(attributes: Map<number, Uint8Array<ArrayBuffer>>, type: number): string | undefined {
  const value = attributes.get(type);
  return value === undefined ? undefined : new TextDecoder().decode(value).replace(/\0.*$/s, "");
}

/** A view of all of `bytes`. */
export function viewOf(bytes: Uint8Array<ArrayBuffer>): DataView<ArrayBuffer> {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

function align(length: number): number {
  return (length + 3) & ~3;
}

interface RawMessage extends NetlinkMessage {
  flags: number;
  sequence: number;
}

/** Splits one datagram of the kernel into its messages. */
function parseMessages(datagram: Uint8Array<ArrayBuffer>): RawMessage[] {
  const messages: RawMessage[] = [];
  const view = viewOf(datagram);
  for (let offset = 0; offset + HEADER_LENGTH <= datagram.length;) {
    const length = view.getUint32(offset, true);
    if (length < HEADER_LENGTH || offset + length > datagram.length) break;
    messages.push({
      type: view.getUint16(offset + 4, true),
      flags: view.getUint16(offset + 6, true),
      sequence: view.getUint32(offset + 8, true),
      body: datagram.slice(offset + HEADER_LENGTH, offset + length),
    });
    offset += align(length);
  }
  return messages;
}

/** Throws what an NLMSG_ERROR reports, with the kernel's own words where it gave some; errno 0 is an acknowledgement. */
function checkError(call: string, message: RawMessage): void {
  const errno = -viewOf(message.body).getInt32(0, true);
  if (errno === 0) return;
  let detail: string | undefined;
  if (message.flags & NLM_F_ACK_TLVS) {
    const echoed = message.flags & NLM_F_CAPPED ? HEADER_LENGTH : align(viewOf(message.body).getUint32(4, true));
    detail = attributeText(parseAttributes(message.body.slice(4 + echoed)), NLMSGERR_ATTR_MSG);
  }
  throw new SystemError(call, errno, detail);
}

/**
 * A netlink socket of one protocol in the network namespace that was the thread's when it was opened. Calls block, but
 * the kernel answers within the call that asks, so they return at once.
 */
export class NetlinkSocket implements Disposable {
  readonly #descriptor: number;
  readonly #buffer = new Uint8Array(RECEIVE_LENGTH);
  #sequence = 0;

  /** `protocol`: 0 = route, 12 = netfilter. `groups`: bits of the multicast groups to hear. @throws {SystemError} */
  constructor(protocol: number, groups = 0) {
    this.#descriptor = openSocket(SOCKET.AF_NETLINK, SOCKET.RAW, protocol);
    try {
      setSocketOption(this.#descriptor, SOL_NETLINK, NETLINK_EXT_ACK, 1);
      setSocketOption(this.#descriptor, SOL_NETLINK, NETLINK_CAP_ACK, 1);
      const address = new NetlinkWriter().fields([2, SOCKET.AF_NETLINK], [2, 0], [4, 0], [4, groups]);
      bindSocket(this.#descriptor, address.finish());
    } catch (error) {
      this.close();
      throw error;
    }
  }

  /** To wait on; reading belongs to this class. */
  get descriptor(): number {
    return this.#descriptor;
  }

  /** Closes the socket; it must not be used after that. */
  close(): void {
    closeDescriptor(this.#descriptor);
  }

  /** Closes it. */
  [Symbol.dispose](): void {
    this.close();
  }

  /** Asks for one change and waits for the acknowledgement. `call` names it in errors. @throws {SystemError} */
  change(call: string, type: number, flags: number, body: Uint8Array): void {
    this.#send([{ type, flags: flags | NLM.ACK, body }]);
    this.#collect(call, this.#sequence);
  }

  /** Asks for everything of a kind. @throws {SystemError} */
  dump(call: string, type: number, body: Uint8Array): NetlinkMessage[] {
    this.#send([{ type, flags: NLM.DUMP, body }]);
    return this.#collect(call, this.#sequence);
  }

  /**
   * Sends several messages as one datagram, which nf_tables takes as one transaction, and waits for the answer to the
   * last that asks for an acknowledgement. @throws {SystemError} the first refusal
   */
  batch(call: string, messages: { type: number; flags: number; body: Uint8Array }[]): void {
    const answered = messages.findLastIndex(({ flags }) => (flags & NLM.ACK) !== 0);
    if (answered < 0) throw new RangeError("Cannot send a batch in which nothing is acknowledged");
    this.#send(messages);
    this.#collect(call, this.#sequence - messages.length + 1 + answered);
  }

  /** Everything that waits to be read, without blocking; null when messages were lost because we read too late. */
  drain(): NetlinkMessage[] | null {
    const messages: NetlinkMessage[] = [];
    try {
      for (;;) {
        const length = receiveMessage(this.#descriptor, this.#buffer);
        if (length === null) return messages;
        messages.push(...parseMessages(this.#buffer.slice(0, length)));
      }
    } catch (error) {
      if (error instanceof SystemError && error.code === "ENOBUFS") return null;
      throw error;
    }
  }

  #send(messages: { type: number; flags: number; body: Uint8Array }[]): void {
    const datagram: number[] = [];
    for (const { type, flags, body } of messages) {
      const header = new NetlinkWriter().fields(
        [4, HEADER_LENGTH + body.length],
        [2, type],
        [2, flags | NLM.REQUEST],
        [4, ++this.#sequence],
        [4, 0],
      );
      datagram.push(...header.finish(), ...body);
      while (datagram.length % 4 !== 0) datagram.push(0);
    }
    sendMessage(this.#descriptor, new Uint8Array(datagram));
  }

  /** Reads until the request with this sequence number is answered: by an acknowledgement, or a dump by its end. */
  #collect(call: string, sequence: number): NetlinkMessage[] {
    const collected: NetlinkMessage[] = [];
    for (;;) {
      for (const message of this.#receive(call)) {
        if (message.sequence !== sequence) {
          // Another message of the same batch: heard of only when it fails.
          if (message.type === NLMSG_ERROR) checkError(call, message);
          continue;
        }
        if (message.type === NLMSG_ERROR) {
          checkError(call, message);
          return collected;
        }
        if (message.type === NLMSG_DONE) return collected;
        collected.push({ type: message.type, body: message.body });
      }
    }
  }

  #receive(call: string): RawMessage[] {
    if (!waitReadable(this.#descriptor, ANSWER_TIMEOUT_MS)) throw new SystemError(call, ETIMEDOUT);
    const length = receiveMessage(this.#descriptor, this.#buffer);
    if (length === null) throw new SystemError(call, EINTR);
    return parseMessages(this.#buffer.slice(0, length));
  }
}
