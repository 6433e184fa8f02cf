/**
 * The worker's one block of memory and what lies where in it. Packets are read, sealed, opened and written within it; no
 * payload byte is ever copied into an object of its own.
 *
 * @module
 */
import { DATAGRAM_MESSAGE_LENGTH } from "../ffi/datagram_message_linux.ts";
import { IO_VECTOR_LENGTH } from "../ffi/io_vectors.ts";
import { NativeMemory } from "../ffi/native_memory.ts";

/** Length of the `struct virtio_net_hdr` before each packet at the device. */
export const VNET_LENGTH = 10;

/** No IP packet is longer, and no UDP payload. */
export const MAX_PACKET_LENGTH = 65535;

/** The longest UDP payload over IPv4. */
export const MAX_DATAGRAM_LENGTH = 65507;

/** Most tunnels at a time: each needs a place for its addresses. */
export const MAX_TUNNELS = 4096;

/** Room at the device for a header that lies apart from its payload: IPv6 or IPv4 with options, and TCP with options. */
export const MAX_HEADER_LENGTH = 120;

/** Vectors of one read or write; the kernel takes 1,024. */
export const VECTOR_COUNT = 132;

/** Three addresses of 28 bytes: the path, where a datagram last came from, and whom the tunnel's own socket speaks to. */
export const TUNNEL_ADDRESSES_LENGTH = 96;

const SCRATCH_LENGTH = 2048;
const ALIGNMENT = 64;

let end = 0;

function place(length: number): number {
  const at = end;
  end = Math.ceil((at + length) / ALIGNMENT) * ALIGNMENT;
  return at;
}

/** `struct timespec` of the clock. */
export const TIME_AT: number = place(16);
/** `struct epoll_event` array. */
export const EVENTS_AT: number = place(64);
/** The same for extra sockets, which have a poller of their own. */
export const EXTRA_EVENTS_AT: number = place(64);
/** 13 bytes of additional data of the message being sealed or opened. */
export const AAD_AT: number = place(16);
/** 12 bytes of nonce and an int that nobody reads, for datagrams that are not encrypted. */
export const MAC_AT: number = place(16);
/** `struct msghdr` and what belongs to it, for sending. */
export const SEND_MESSAGE_AT: number = place(DATAGRAM_MESSAGE_LENGTH);
/** The same for receiving. */
export const RECEIVE_MESSAGE_AT: number = place(DATAGRAM_MESSAGE_LENGTH);
/** Vectors of a device read. */
export const READ_VECTORS_AT: number = place(VECTOR_COUNT * IO_VECTOR_LENGTH);
/** Vectors of a device write. */
export const WRITE_VECTORS_AT: number = place(VECTOR_COUNT * IO_VECTOR_LENGTH);
/** virtio header and, when reading scattered, the inner header. */
export const READ_HEAD_AT: number = place(VNET_LENGTH + MAX_HEADER_LENGTH);
/** virtio header and inner header of what is written. */
export const WRITE_HEAD_AT: number = place(VNET_LENGTH + MAX_HEADER_LENGTH);
/** Address of a datagram that goes somewhere else than along its tunnel's path. */
export const OTHER_ADDRESS_AT: number = place(32);
/** One datagram that carries no packet. */
export const SCRATCH_AT: number = place(SCRATCH_LENGTH);
/** Addresses of the tunnels. */
export const ADDRESSES_AT: number = place(MAX_TUNNELS * TUNNEL_ADDRESSES_LENGTH);
/** A super-packet that did not come in the shape that was expected. */
export const LINEAR_AT: number = place(MAX_PACKET_LENGTH);
/** Datagrams on their way out: a full batch, and one read behind it. */
export const SLOTS_AT: number = place(2 * MAX_PACKET_LENGTH + 4096);
/** Where {@linkcode SLOTS_AT} ends. */
export const SLOTS_END: number = end;
/** Datagrams on their way in: one full receive, and others before it that wait to be joined. */
export const RECEIVE_AT: number = place(3 * (MAX_PACKET_LENGTH + 1));
/** Where {@linkcode RECEIVE_AT} ends. */
export const RECEIVE_END: number = end;

const ARENA_LENGTH = end;

/** Memory with room for everything above; untouched pages cost nothing. */
export function createArena(): NativeMemory {
  return new NativeMemory(ARENA_LENGTH);
}
