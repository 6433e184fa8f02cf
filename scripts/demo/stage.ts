import type { Capture } from "../../src/lab/capture.ts";
import type { LabProcess } from "../../src/lab/lab_process.ts";
import type { Member } from "./checks.ts";
import type { Ground } from "./ground.ts";
import type { Narrator } from "./narrator.ts";
import type { Computer, Scene } from "./scene.ts";

/** What the steps share; each step relies on those before it. */
export interface Stage {
  /** Computers and processes. */
  scene: Scene;
  /** Who tells it. */
  narrator: Narrator;
  /** What this machine allows. */
  ground: Ground;
  /** Length of the file that is fetched, in MiB. */
  fileMiB: number;
  /** The server's computer. */
  server: Computer;
  /** `HOST` the server listens on. */
  serverAddress: string;
  /** The running server. */
  serverProcess: LabProcess | null;
  /** The line others join with. */
  invite: string;
  /** The two computers, in place before their engines run. */
  homes: { computer: Computer; publicAddress: string }[];
  /** The two members once their engines run. */
  members: Member[];
  /** What listens on the Internet. */
  capture: Capture | null;
}

/** A step of the demo. */
export interface Step {
  /** In a person's words. */
  title: string;
  /** What it cannot do without. */
  needs?: ("networks" | "tun")[];
  /** Does and checks it. @throws {Error} what was wrong */
  run: (stage: Stage) => Promise<void>;
}
