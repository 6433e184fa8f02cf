import type { NoticeView } from "../ipc/schema.ts";
import { type ControlMessageOf, NOTICE } from "../protocol/mod.ts";
import type { StoredNotice } from "./state_files.ts";
import { formatClientId } from "./views.ts";

/** Older ones make room. */
const MAX_KEPT = 100;

/** Welcomes and announcements of this client's networks. The server may tell one twice; it is kept once. */
export class Notices {
  #kept: StoredNotice[];
  readonly #save: (notices: readonly StoredNotice[]) => void;

  /** `kept`: from the disk, the oldest first; `save` puts all of them there. */
  constructor(kept: StoredNotice[], save: (notices: readonly StoredNotice[]) => void) {
    this.#kept = kept;
    this.#save = save;
  }

  /** Keeps what came for the network called `name`. @returns whether it is new */
  take({ networkId, kind, clientId, sentAt, message }: ControlMessageOf<"notice">, name: string): boolean {
    const notice = { networkId, network: name, kind, clientId, sentAt: Number(sentAt), message };
    const isSame = (each: StoredNotice) =>
      each.networkId === networkId && each.kind === kind && each.sentAt === notice.sentAt;
    const isKnown = kind === NOTICE.welcome || kind === NOTICE.announcement;
    if (!isKnown || !Number.isSafeInteger(notice.sentAt) || this.#kept.some(isSame)) return false;
    this.#kept = [...this.#kept, notice].slice(-MAX_KEPT);
    this.#save(this.#kept);
    return true;
  }

  /** The oldest first. */
  list(): NoticeView[] {
    return this.#kept.map(({ network, kind, clientId, sentAt, message }) => ({
      network,
      kind: kind === NOTICE.welcome ? "welcome" : "announcement",
      from: formatClientId(clientId),
      sentAt,
      text: message,
    }));
  }
}
