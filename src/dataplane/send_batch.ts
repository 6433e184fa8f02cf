import type { SendMessage } from "../ffi/datagram_message_linux.ts";
import { MAX_DATAGRAM_LENGTH, MAX_PACKET_LENGTH, SLOTS_AT, SLOTS_END } from "./arena.ts";
import { DROP } from "./drops.ts";
import type { Tally } from "./tally.ts";
import type { Tunnel } from "./tunnel.ts";

/** Every kernel that segments takes this many (UDP_MAX_SEGMENTS was 64 before it was 128). */
const MAX_SEGMENTS = 64;
/** What a read behind the batch may need: the longest packet and what protection puts around it. */
const READ_ROOM = MAX_PACKET_LENGTH + 64;

const EIO = 5;
const EINVAL = 22;
const EMSGSIZE = 90;

/** A UDP socket that sends the {@linkcode SendMessage} it was made with; the result is bytes sent or -errno. */
export interface DatagramSender {
  /** One sendmsg(2). */
  send(): number;
}

/** Joins sealed datagrams of one tunnel and one length, lying one behind the other in the arena, into one send. */
export class SendBatch {
  readonly #message: SendMessage;
  readonly #socket: DatagramSender;
  readonly #tally: Tally;
  #canSegment: boolean;
  #tunnel: Tunnel | null = null;
  #startAt: number = SLOTS_AT;
  #endAt: number = SLOTS_AT;
  #segmentLength = 0;
  #count = 0;

  /** `canSegment` says whether the kernel cuts trains into datagrams. */
  constructor(message: SendMessage, socket: DatagramSender, tally: Tally, canSegment: boolean) {
    this.#message = message;
    this.#socket = socket;
    this.#tally = tally;
    this.#canSegment = canSegment;
  }

  /** Where the next datagram is best built, with room for any packet; sends what is in the way. */
  nextAt(): number {
    const isFull = this.#count === MAX_SEGMENTS ||
      this.#endAt - this.#startAt + this.#segmentLength > MAX_DATAGRAM_LENGTH;
    if (isFull || this.#endAt + READ_ROOM > SLOTS_END) this.flush();
    if (this.#count === 0) this.#startAt = this.#endAt = SLOTS_AT;
    return this.#endAt;
  }

  /** Adds the datagram at `at`. It joins the batch if it lies at its end, is for the same tunnel and no longer than the others. */
  add(tunnel: Tunnel, at: number, length: number): void {
    const fits = this.#count > 0 && tunnel === this.#tunnel && at === this.#endAt && length <= this.#segmentLength &&
      this.#count < MAX_SEGMENTS && at + length - this.#startAt <= MAX_DATAGRAM_LENGTH;
    if (!fits) {
      this.flush();
      this.#tunnel = tunnel;
      this.#startAt = at;
      this.#segmentLength = length;
    }
    this.#count++;
    this.#endAt = at + length;
    // Only the last of a train may be shorter.
    if (length < this.#segmentLength) this.flush();
  }

  /** Sends what has been added. */
  flush(): void {
    const tunnel = this.#tunnel;
    if (this.#count === 0 || tunnel === null) return;
    const length = this.#endAt - this.#startAt;
    if (this.#count === 1 || this.#canSegment) {
      this.#message.set(this.#startAt, length, this.#segmentLength, tunnel.pathAt);
      this.#sent(this.#socketOf(tunnel).send(), this.#count);
    } else {
      this.#sendSingly(tunnel);
    }
    this.#count = 0;
    this.#tunnel = null;
  }

  #sent(result: number, count: number): void {
    if (result >= 0) {
      this.#tally.sends++;
      this.#tally.datagramsSent += count;
      return;
    }
    if (count > 1 && (result === -EIO || result === -EINVAL || result === -EMSGSIZE)) {
      // EIO: the way out has no checksum offload, which segmentation needs. The others: some datagram of the train does
      // not fit, and only one by one do we learn which.
      if (result === -EIO) this.#canSegment = false;
      this.#sendSingly(this.#tunnel!);
      return;
    }
    this.#tally.drop(result === -EMSGSIZE ? DROP.tooLong : DROP.sendFailed, count);
  }

  #sendSingly(tunnel: Tunnel): void {
    for (let at = this.#startAt; at < this.#endAt; at += this.#segmentLength) {
      const length = Math.min(this.#segmentLength, this.#endAt - at);
      this.#message.set(at, length, length, tunnel.pathAt);
      this.#sent(this.#socketOf(tunnel).send(), 1);
    }
  }

  /** Sends one datagram outside of any batch, to the `struct sockaddr` at `addressAt`, from `socket` or that of all tunnels. */
  sendOne(at: number, length: number, addressAt: number, socket: DatagramSender | null): void {
    this.#message.set(at, length, length, addressAt);
    this.#sent((socket ?? this.#socket).send(), 1);
  }

  #socketOf(tunnel: Tunnel): DatagramSender {
    return tunnel.pathSocket ?? this.#socket;
  }
}
