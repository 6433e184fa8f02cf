/** A part of the system that some tests cannot do without. */
export type Need =
  | "linux"
  | "root"
  | "tun"
  | "netns"
  | "userns"
  | "libcrypto"
  | "ip"
  | "nft"
  | "ping"
  | "iperf3"
  | "tcpdump"
  | "curl"
  | "miniupnpd"
  | "tinyproxy"
  | "tmux"
  | "bash"
  | "zsh"
  | "fish"
  | "python-cryptography"
  | "denort";

interface Check {
  isMet: () => boolean;
  /** Completes "skipped: …". */
  reason: string;
}

const CHECKS: Record<Need, Check> = {
  linux: { isMet: () => Deno.build.os === "linux", reason: "needs Linux" },
  root: { isMet: () => Deno.build.os !== "windows" && Deno.uid() === 0, reason: "needs root" },
  tun: { isMet: canOpenTun, reason: "needs to open /dev/net/tun" },
  netns: { isMet: () => succeeds("unshare", "--net", "true"), reason: "needs the right to make a network namespace" },
  userns: {
    isMet: () => succeeds("unshare", "--user", "--map-root-user", "--net", "true"),
    reason: "needs user namespaces",
  },
  libcrypto: { isMet: hasLibcrypto, reason: "needs libcrypto.so.3 (Debian: libssl3)" },
  ip: program("ip", "iproute2"),
  nft: program("nft", "nftables"),
  ping: program("ping", "iputils-ping"),
  iperf3: program("iperf3", "iperf3"),
  tcpdump: program("tcpdump", "tcpdump"),
  curl: program("curl", "curl"),
  miniupnpd: program("miniupnpd", "miniupnpd"),
  tinyproxy: program("tinyproxy", "tinyproxy"),
  tmux: program("tmux", "tmux"),
  bash: program("bash", "bash"),
  zsh: program("zsh", "zsh"),
  fish: program("fish", "fish"),
  "python-cryptography": {
    isMet: () => succeeds("python3", "-c", "import cryptography"),
    reason: "needs Python's cryptography (Debian: python3-cryptography)",
  },
  denort: { isMet: () => Deno.env.get("DENORT_BIN") !== undefined, reason: "needs DENORT_BIN, a base for compile" },
};

const known = new Map<Need, boolean>();

/**
 * The options of a test that cannot run everywhere: where a need is not met the test is skipped, and its printed name ends
 * with the reason.
 *
 * @example
 * ```ts
 * Deno.test(needs("openTun reads a packet from the kernel", "root", "tun"), async () => { … });
 * ```
 */
export function needs(sentence: string, ...parts: [Need, ...Need[]]): { name: string; ignore: boolean } {
  const missing = parts.filter((part) => !isMet(part));
  if (missing.length === 0) return { name: sentence, ignore: false };
  const reasons = missing.map((part) => CHECKS[part].reason).join(", ");
  return { name: `${sentence} (skipped: ${reasons})`, ignore: true };
}

function isMet(part: Need): boolean {
  const answer = known.get(part) ?? CHECKS[part].isMet();
  known.set(part, answer);
  return answer;
}

function program(name: string, debianPackage: string): Check {
  return { isMet: () => isInPath(name), reason: `needs ${name} (Debian: ${debianPackage})` };
}

/** Debian keeps ip and nft in sbin folders, which an ordinary user's PATH leaves out. */
function isInPath(name: string): boolean {
  const folders = [...(Deno.env.get("PATH") ?? "").split(":"), "/usr/sbin", "/sbin"];
  return folders.some((folder) => folder !== "" && exists(`${folder}/${name}`));
}

function hasLibcrypto(): boolean {
  const multiarch = `${Deno.build.arch}-linux-gnu`;
  return [`/usr/lib/${multiarch}`, `/lib/${multiarch}`, "/usr/lib64", "/lib64", "/usr/lib"]
    .some((folder) => exists(`${folder}/libcrypto.so.3`));
}

function exists(path: string): boolean {
  try {
    Deno.statSync(path);
    return true;
  } catch {
    return false;
  }
}

function canOpenTun(): boolean {
  try {
    Deno.openSync("/dev/net/tun", { read: true, write: true }).close();
    return true;
  } catch {
    return false;
  }
}

function succeeds(command: string, ...args: string[]): boolean {
  try {
    return new Deno.Command(command, { args, stdout: "null", stderr: "null" }).outputSync().success;
  } catch {
    return false;
  }
}
