import { SystemError } from "../ffi/errno.ts";
import { closeDescriptor, openWaker, receiveMessage, sendMessage, waitAnyReadable, wake } from "../ffi/posix_linux.ts";
import { openSocketPair } from "../ffi/socket_pair_linux.ts";
import type { TunnelDevice } from "./tunnel_device.ts";

const VNET_HEADER_LENGTH = 10;
const MAX_MESSAGE_LENGTH = VNET_HEADER_LENGTH + 65535;
const EAGAIN = 11;

/** A device whose other side is this program instead of the system's network stack. */
export interface MemoryDevice extends TunnelDevice {
  /** Hands the data plane a packet, as the system's stack would; false when its queue is full and the packet is lost. */
  send(packet: Uint8Array): boolean;
  /**
   * The next packet that the data plane delivered, or null once the device is closed. One call at a time.
   * TCP and UDP checksums may be partial, and packets of one flow may have been joined, as with a real device.
   */
  receive(): Promise<Uint8Array | null>;
}

/** Makes a device that needs no right and no kernel support. @throws {SystemError} */
export function openMemoryDevice(): MemoryDevice {
  const [descriptor, inside] = openSocketPair();
  const waker = openWaker();
  const buffer = new Uint8Array(MAX_MESSAGE_LENGTH);
  let isOpen = true;
  let pending: Promise<unknown> = Promise.resolve();

  const receive = async () => {
    while (isOpen) {
      const length = receiveMessage(inside, buffer);
      if (length !== null) return length === 0 ? null : buffer.slice(VNET_HEADER_LENGTH, length);
      const wait = waitAnyReadable([inside, waker]);
      pending = wait;
      await wait;
    }
    return null;
  };
  const close = () => {
    if (!isOpen) return;
    isOpen = false;
    wake(waker);
    closeDescriptor(descriptor);
    // The others are waited upon: closing them earlier would let their numbers be reused under the waiting thread.
    void pending.finally(() => [inside, waker].forEach(closeDescriptor));
  };
  return {
    name: "",
    descriptor,
    hasUdpSegmentation: true,
    send: (packet) => sendPacket(inside, packet),
    receive,
    close,
  };
}

function sendPacket(descriptor: number, packet: Uint8Array): boolean {
  const message = new Uint8Array(VNET_HEADER_LENGTH + packet.length);
  message.set(packet, VNET_HEADER_LENGTH);
  try {
    sendMessage(descriptor, message);
    return true;
  } catch (error) {
    if (error instanceof SystemError && error.errno === EAGAIN) return false;
    throw error;
  }
}
