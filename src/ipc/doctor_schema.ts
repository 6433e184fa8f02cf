/**
 * What `doctor` asks of the engine: the part of the contract in schema.ts that is about what is wrong with this computer.
 *
 * @module
 */

/** Kinds of findings. */
export const FINDING_IDS = [
  "notRunning",
  "tunMissing",
  "tunForbidden",
  "loggedOut",
  "serverUnreachable",
  "udpBlocked",
  "noDevice",
  "deviceGone",
  "deviceDown",
  "addressMissing",
  "deviceMtu",
  "addressClash",
  "firewall",
  "clock",
  "cannotSave",
] as const;

/** Something that is wrong, and what mends it. */
export interface FindingView {
  /** For programs. */
  id: (typeof FINDING_IDS)[number];
  /** One sentence. */
  words: string;
  /** What to do, one sentence. */
  remedy: string;
}

/** The part of `EngineControl` that is about this computer. */
export interface DoctorControl {
  /** Looks at this computer and gives what is wrong with it, the worst first. Never refused. */
  doctor(): Promise<FindingView[]>;
}
