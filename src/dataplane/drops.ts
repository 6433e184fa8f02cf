/** Why something was dropped. Each is counted and otherwise silent: a sender learns nothing from a refusal. */
export const DROPS = [
  /** Too short for what it claims to be. */
  "malformedDatagram",
  "unknownSpi",
  /** Its epoch has no keys, or they are too old, or its sequence is beyond the limit. */
  "noOpeningKeys",
  "replayed",
  "forged",
  /** A frame whose body does not fit its type. */
  "malformedFrame",
  /** Lengths within a packet from a tunnel disagree. */
  "malformedPacket",
  /** A packet from a tunnel whose source is not the peer's address. */
  "wrongSource",
  /** A packet from a tunnel that is not for us. */
  "wrongDestination",
  /** A packet from a tunnel that packets may not use. */
  "notRouted",
  /** More control datagrams than one source, or all together, may send. */
  "tooManyControlDatagrams",
  /** The device refused a packet. */
  "deviceRefused",
  /** A packet of our own system that is malformed or not from our address. */
  "foreignPacket",
  /** A packet of our own system for an address outside the overlay. */
  "unroutable",
  /** A packet that found no tunnel, path or keys, and no room to wait. */
  "notReady",
  /** Waited too long for a tunnel, or for an address that nobody has. */
  "expired",
  /** No keys to seal with, or they are used up. */
  "noSealingKeys",
  /** Longer than what the network takes. */
  "tooLong",
  /** The socket refused it for another reason. */
  "sendFailed",
] as const;

/** One of {@linkcode DROPS}. */
export type DropReason = typeof DROPS[number];

/** The place of each reason in an array of counters. */
export const DROP: Readonly<Record<DropReason, number>> = Object.freeze(
  Object.fromEntries(DROPS.map((reason, index) => [reason, index])) as Record<DropReason, number>,
);
