import { fromHex, toHex } from "../base/bytes.ts";
import { formatIpv4, parseIpv4 } from "../base/ip.ts";
import { ed25519Fingerprint, sshRsaFingerprintSha256, verificationWords } from "../crypto/mod.ts";
import { ControlError, type KeyView, type PeerView, type VerifyParams } from "../ipc/schema.ts";
import { KEY_TYPE } from "../protocol/mod.ts";
import type { Account } from "./account.ts";
import { acceptedPin, installedPin, NOTHING_PINNED, type PeerKeys, pinState } from "./pins.ts";
import type { PeerPin } from "./state_files.ts";

const UNKNOWN: PeerKeys = { ed25519: null, rsa: null };

/** Shows, installs and accepts keys of peers by the word of the user. */
export class Verification {
  readonly #account: Account;

  /** `account`: whose pins they are. */
  constructor(account: Account) {
    this.#account = account;
  }

  /** Of the peer that the caller has found. Rejects with `ControlError`: `keyPinned`, `notLoggedIn`. */
  async verify(peer: PeerView, { install, acceptNew }: VerifyParams): Promise<KeyView> {
    const virtualAddress = parseIpv4(peer.address4)!;
    const { publicKey } = this.#account.trust;
    if (publicKey === null) throw new ControlError("internal", "This client has no key of suite 2.");
    const told = await this.#told(peer);
    if (install !== null) this.#install(virtualAddress, fromHex(install), acceptNew);
    else if (acceptNew) this.#accept(virtualAddress, told);
    const pin = this.#pinOf(virtualAddress);
    const own = ed25519Fingerprint(publicKey);
    const shown = told.ed25519 ?? pin.ed25519;
    return {
      id: peer.id,
      nick: peer.nick,
      address4: formatIpv4(virtualAddress),
      state: pinState(pin, told),
      pinned: hexOf(pin.ed25519),
      told: hexOf(told.ed25519),
      own: toHex(own),
      words: shown === null ? null : verificationWords(own, shown),
    };
  }

  #pinOf(virtualAddress: number): PeerPin {
    return this.#account.trust.pins.get(virtualAddress) ?? NOTHING_PINNED;
  }

  #install(virtualAddress: number, fingerprint: Uint8Array, acceptNew: boolean): void {
    const pin = installedPin(this.#pinOf(virtualAddress), fingerprint, acceptNew);
    if (pin === null) {
      throw new ControlError("keyPinned", "If its key has really changed, repeat it with --accept-new.");
    }
    this.#account.setPin(virtualAddress, pin);
  }

  #accept(virtualAddress: number, told: PeerKeys): void {
    if (told === UNKNOWN) throw new ControlError("notLoggedIn");
    const refused = this.#account.factsOf(virtualAddress)?.refused ?? null;
    const pin = acceptedPin(this.#pinOf(virtualAddress), told, refused);
    if (pin !== null) this.#account.setPin(virtualAddress, pin);
  }

  /** What the server says now. */
  async #told({ id }: PeerView): Promise<PeerKeys> {
    if (this.#account.link.state !== "logged in") return UNKNOWN;
    const { keys } = await this.#account.ask({ type: "getKeys", clientId: Number(id.replaceAll("-", "")) });
    const keyOf = (type: number) => keys.find(({ keyType }) => keyType === type)?.publicKey;
    const [ed25519, rsa] = [keyOf(KEY_TYPE.ed25519), keyOf(KEY_TYPE.sshRsa)];
    return {
      ed25519: ed25519 === undefined ? null : ed25519Fingerprint(ed25519),
      rsa: rsa === undefined ? null : sshRsaFingerprintSha256(rsa),
    };
  }
}

function hexOf(bytes: Uint8Array | null): string | null {
  return bytes === null ? null : toHex(bytes);
}
