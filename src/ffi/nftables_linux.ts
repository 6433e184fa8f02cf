/**
 * The part of nf_tables that a NAT router and a few drop rules need, over nfnetlink (linux/netfilter/nf_tables.h), for
 * systems without the `nft` program. Numbers inside are big-endian, unlike those of rtnetlink.
 *
 * @module
 */
import { utf8 } from "../base/bytes.ts";
import { parseIpv4 } from "../base/ip.ts";
import { NetlinkSocket, NetlinkWriter, NLM } from "./netlink_linux.ts";

const NETLINK_NETFILTER = 12;
const SUBSYSTEM = 10;
const BATCH_BEGIN = 0x10;
const BATCH_END = 0x11;
const NFPROTO_IPV4 = 2;
const MESSAGE = { NEWTABLE: 0, DELTABLE: 2, NEWCHAIN: 3, NEWRULE: 6 };
const HOOKS: Record<FirewallChain["hook"], number> = { prerouting: 0, input: 1, forward: 2, output: 3, postrouting: 4 };
const IFNAME_LENGTH = 16;
const REGISTER_1 = 1;
const REGISTER_VERDICT = 0;
const META_KEYS = { inputInterface: 6, outputInterface: 7, protocol: 16 };
const NETWORK_HEADER = 1;
/** Offsets in the IPv4 header (RFC 791). */
const ADDRESS_OFFSETS = { sourceAddress: 12, destinationAddress: 16 };
/** NF_CT_STATE_BIT of established and related. */
const STATE_ESTABLISHED_OR_RELATED = 0x02 | 0x04;
const VERDICTS = { drop: 0, accept: 1 };

/** What a packet must be for a rule to apply. */
export type Match =
  | { on: "inputInterface" | "outputInterface"; name: string }
  | { on: "protocol"; number: number }
  | { on: "sourceAddress" | "destinationAddress"; address: string }
  | { on: "establishedOrRelated" };

/** All matches must hold. */
export interface FirewallRule {
  /** Checked from left to right. */
  matches: Match[];
  /** `masquerade` only in a `nat` chain at `postrouting`. */
  verdict: "accept" | "drop" | "masquerade";
}

/** A base chain. */
export interface FirewallChain {
  /** Unique within the table. */
  name: string;
  /** Kind of chain. */
  type: "filter" | "nat";
  /** Where packets pass it. */
  hook: "prerouting" | "input" | "forward" | "output" | "postrouting";
  /** Smaller comes first: 0 for filters, 100 for source NAT. */
  priority: number;
  /** In order. */
  rules: FirewallRule[];
}

/** An IPv4 table. */
export interface FirewallTable {
  /** Unique within the namespace. */
  name: string;
  /** Its chains. */
  chains: FirewallChain[];
}

interface Message {
  type: number;
  flags: number;
  body: Uint8Array;
}

/** The packet filter of the namespace in which the thread was when this was made. All calls are synchronous. */
export class Nftables implements Disposable {
  readonly #socket: NetlinkSocket;

  /** @throws {SystemError} EPROTONOSUPPORT where the kernel has no nfnetlink */
  constructor() {
    this.#socket = new NetlinkSocket(NETLINK_NETFILTER);
  }

  /** Closes the socket; tables stay. */
  [Symbol.dispose](): void {
    this.#socket.close();
  }

  /** Makes `table`, in place of one of that name, in one step. @throws {SystemError} */
  replaceTable(table: FirewallTable): void {
    const messages = [
      newTable(table.name),
      message(MESSAGE.DELTABLE, 0, tableBody(table.name)),
      newTable(table.name),
    ];
    for (const chain of table.chains) {
      messages.push(newChain(table.name, chain));
      for (const rule of chain.rules) messages.push(newRule(table.name, chain.name, rule));
    }
    this.#commit(`load the packet filter ${table.name}`, messages);
  }

  /** Removes a table. @throws {SystemError} ENOENT when there is none */
  removeTable(name: string): void {
    this.#commit(`remove the packet filter ${name}`, [message(MESSAGE.DELTABLE, 0, tableBody(name))]);
  }

  #commit(call: string, messages: Message[]): void {
    const last = messages.pop();
    if (last === undefined) return;
    const frame = (type: number) => ({ type, flags: 0, body: header(0, SUBSYSTEM) });
    messages.push({ ...last, flags: last.flags | NLM.ACK });
    this.#socket.batch(call, [frame(BATCH_BEGIN), ...messages, frame(BATCH_END)]);
  }
}

/** `struct nfgenmsg`: family, version 0, resource in network order. */
function header(family: number, resource = 0): Uint8Array {
  return new NetlinkWriter().fields([1, family], [1, 0], [1, resource >>> 8], [1, resource & 0xff]).finish();
}

function message(type: number, flags: number, body: NetlinkWriter): Message {
  return { type: (SUBSYSTEM << 8) | type, flags, body: body.finish() };
}

function tableBody(name: string): NetlinkWriter {
  return new NetlinkWriter(header(NFPROTO_IPV4)).text(1, name);
}

function newTable(name: string): Message {
  return message(MESSAGE.NEWTABLE, NLM.CREATE, tableBody(name));
}

/** NFTA_CHAIN_TABLE 1, NAME 3, HOOK 4 {HOOKNUM 1, PRIORITY 2}, POLICY 5, TYPE 7. */
function newChain(table: string, chain: FirewallChain): Message {
  const body = new NetlinkWriter(header(NFPROTO_IPV4)).text(1, table).text(3, chain.name);
  body.nested(4, (hook) => hook.u32Network(1, HOOKS[chain.hook]).u32Network(2, chain.priority));
  body.u32Network(5, VERDICTS.accept).text(7, chain.type);
  return message(MESSAGE.NEWCHAIN, NLM.CREATE, body);
}

/** NFTA_RULE_TABLE 1, CHAIN 2, EXPRESSIONS 4. */
function newRule(table: string, chain: string, rule: FirewallRule): Message {
  const body = new NetlinkWriter(header(NFPROTO_IPV4)).text(1, table).text(2, chain);
  body.nested(4, (expressions) => {
    for (const match of rule.matches) writeMatch(expressions, match);
    if (rule.verdict === "masquerade") writeExpression(expressions, "masq", () => {});
    else writeVerdict(expressions, VERDICTS[rule.verdict]);
  });
  return message(MESSAGE.NEWRULE, NLM.CREATE | NLM.APPEND, body);
}

/** NFTA_LIST_ELEM 1 {NFTA_EXPR_NAME 1, NFTA_EXPR_DATA 2}. */
function writeExpression(to: NetlinkWriter, name: string, fill: (data: NetlinkWriter) => void): void {
  to.nested(1, (element) => element.text(1, name).nested(2, fill));
}

function writeMatch(to: NetlinkWriter, match: Match): void {
  switch (match.on) {
    case "inputInterface":
    case "outputInterface":
      writeMeta(to, META_KEYS[match.on]);
      return writeCompare(to, "equal", padded(match.name));
    case "protocol":
      writeMeta(to, META_KEYS.protocol);
      return writeCompare(to, "equal", new Uint8Array([match.number]));
    case "sourceAddress":
    case "destinationAddress":
      writePayload(to, ADDRESS_OFFSETS[match.on], 4);
      return writeCompare(to, "equal", quad(match.address));
    case "establishedOrRelated":
      // NFTA_CT_DREG 1, NFTA_CT_KEY 2 (state = 0); a state is one bit, so the mask leaves zero for all others.
      writeExpression(to, "ct", (data) => data.u32Network(1, REGISTER_1).u32Network(2, 0));
      writeMask(to, STATE_ESTABLISHED_OR_RELATED);
      return writeCompare(to, "different", new Uint8Array(4));
  }
}

/** NFTA_META_DREG 1, NFTA_META_KEY 2. */
function writeMeta(to: NetlinkWriter, key: number): void {
  writeExpression(to, "meta", (data) => data.u32Network(1, REGISTER_1).u32Network(2, key));
}

/** NFTA_PAYLOAD_DREG 1, BASE 2, OFFSET 3, LEN 4. */
function writePayload(to: NetlinkWriter, offset: number, length: number): void {
  writeExpression(to, "payload", (data) => {
    data.u32Network(1, REGISTER_1).u32Network(2, NETWORK_HEADER).u32Network(3, offset).u32Network(4, length);
  });
}

/** NFTA_CMP_SREG 1, NFTA_CMP_OP 2 (0 = equal, 1 = different), NFTA_CMP_DATA 3 {NFTA_DATA_VALUE 1}. */
function writeCompare(to: NetlinkWriter, operator: "equal" | "different", value: Uint8Array): void {
  writeExpression(to, "cmp", (data) => {
    data.u32Network(1, REGISTER_1).u32Network(2, operator === "equal" ? 0 : 1);
    data.nested(3, (inner) => inner.bytes(1, value));
  });
}

/** NFTA_BITWISE_SREG 1, DREG 2, LEN 3, MASK 4, XOR 5; conntrack states are in host order. */
function writeMask(to: NetlinkWriter, mask: number): void {
  writeExpression(to, "bitwise", (data) => {
    data.u32Network(1, REGISTER_1).u32Network(2, REGISTER_1).u32Network(3, 4);
    data.nested(4, (inner) => inner.u32(1, mask)).nested(5, (inner) => inner.u32(1, 0));
  });
}

/** NFTA_IMMEDIATE_DREG 1, NFTA_IMMEDIATE_DATA 2 {NFTA_DATA_VERDICT 2 {NFTA_VERDICT_CODE 1}}. */
function writeVerdict(to: NetlinkWriter, code: number): void {
  writeExpression(to, "immediate", (data) => {
    data.u32Network(1, REGISTER_VERDICT);
    data.nested(2, (inner) => inner.nested(2, (verdict) => verdict.u32Network(1, code)));
  });
}

function padded(name: string): Uint8Array {
  const bytes = new Uint8Array(IFNAME_LENGTH);
  bytes.set(utf8(name));
  return bytes;
}

function quad(address: string): Uint8Array {
  const value = parseIpv4(address);
  if (value === null) throw new TypeError(`Cannot match the address "${address}": it is no IPv4 address`);
  return new NetlinkWriter().fields([4, value]).finish().reverse();
}
