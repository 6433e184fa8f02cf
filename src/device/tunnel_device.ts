/**
 * A device that carries IP packets. The data plane reads and writes it through its descriptor; whoever opened it closes it,
 * after the data plane has stopped.
 */
export interface TunnelDevice {
  /** The system's name for it, for whoever configures addresses and routes; `""` for one the system does not know. */
  readonly name: string;
  /** Never blocks. Each message is a `struct virtio_net_hdr` of 10 bytes (little-endian) and one packet. */
  readonly descriptor: number;
  /** Whether it takes and gives UDP super-packets as well as TCP ones. */
  readonly hasUdpSegmentation: boolean;
  /** Removes the device; a second call does nothing. */
  close(): void;
}
