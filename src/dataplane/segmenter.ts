import {
  checksumOffset,
  copyHeader,
  foldSum,
  type PacketHeader,
  PROTOCOL_TCP,
  pseudoHeaderSum,
  sumOf,
} from "./packet.ts";

const TCP_SEQUENCE = 4;
const TCP_FLAGS = 13;
const TCP_CWR = 0x80;
const TCP_FIN_PSH = 0x09;
const IPV6_HEADER_LENGTH = 40;
const UDP_LENGTH = 4;

/** Writes the headers of the packets that a super-packet stands for, as a network card with segmentation offload would. */
export class Segmenter {
  readonly #view: DataView;
  #at = 0;
  #length = 0;
  #ipLength = 0;
  #isVersion4 = false;
  #isTcp = false;
  #checksumAt = 0;
  #count = 0;
  #ipSum = 0;
  #pseudoSum = 0;
  #id = 0;
  #sequence = 0;
  #flags = 0;

  /** Works within `view`. */
  constructor(view: DataView) {
    this.#view = view;
  }

  /** Takes the super-packet's header, which lies at `at` and is TCP's or UDP's. Its sums and lengths are overwritten. */
  begin(at: number, header: PacketHeader): void {
    const view = this.#view;
    const { ipLength } = header;
    this.#at = at;
    this.#length = header.length;
    this.#ipLength = ipLength;
    this.#isVersion4 = header.version === 4;
    this.#isTcp = header.protocol === PROTOCOL_TCP;
    this.#checksumAt = ipLength + checksumOffset(header.protocol);
    this.#count = 0;
    this.#pseudoSum = pseudoHeaderSum(view, at, header, 0);
    if (this.#isTcp) {
      this.#sequence = view.getInt32(at + ipLength + TCP_SEQUENCE);
      this.#flags = view.getUint8(at + ipLength + TCP_FLAGS);
    }
    if (!this.#isVersion4) return;
    this.#id = view.getUint16(at + 4);
    view.setUint32(at + 2, 0);
    view.setUint16(at + 10, 0);
    this.#ipSum = sumOf(view, at, ipLength);
  }

  /** Writes the next packet's header to `to`, for `payloadLength` bytes that lie `offset` bytes into the super-packet's. */
  write(to: number, offset: number, payloadLength: number, isLast: boolean): void {
    const view = this.#view;
    const transportLength = this.#length - this.#ipLength + payloadLength;
    const transportAt = to + this.#ipLength;
    copyHeader(view, this.#at, to, this.#length);
    if (this.#isVersion4) {
      const length = this.#ipLength + transportLength;
      const id = (this.#id + this.#count) & 0xffff;
      view.setUint16(to + 2, length);
      view.setUint16(to + 4, id);
      view.setUint16(to + 10, foldSum(this.#ipSum + length + id) ^ 0xffff);
    } else {
      view.setUint16(to + 4, this.#ipLength - IPV6_HEADER_LENGTH + transportLength);
    }
    if (this.#isTcp) {
      view.setInt32(transportAt + TCP_SEQUENCE, (this.#sequence + offset) | 0);
      view.setUint8(transportAt + TCP_FLAGS, this.#flagsOf(isLast));
    } else {
      view.setUint16(transportAt + UDP_LENGTH, transportLength);
    }
    view.setUint16(to + this.#checksumAt, foldSum(this.#pseudoSum + transportLength));
    this.#count++;
  }

  /** Only the last packet pushes or finishes, only the first says that the window was reduced (RFC 3168 section 6.1.2). */
  #flagsOf(isLast: boolean): number {
    const flags = isLast ? this.#flags : this.#flags & ~TCP_FIN_PSH;
    return this.#count === 0 ? flags : flags & ~TCP_CWR;
  }
}
