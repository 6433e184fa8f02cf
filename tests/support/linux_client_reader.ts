/**
 * Reads what the Linux client of Hamachi prints, by the rules that graphical front ends follow: fixed columns, the first
 * field of a name, the shortest nickname that leaves a readable rest.
 */

/** A network as such a reader understands it. */
export interface ReadNetwork {
  mark: string;
  id: string;
  name: string;
  members: string;
  capacity: string;
  subnet: string | null;
  subscription: string;
  owner: string;
  memberList: ReadMember[];
}

/** A member as such a reader understands it; null = the line does not say. */
export interface ReadMember {
  mark: string;
  id: string;
  nick: string | null;
  address4: string | null;
  alias: string | null;
  address6: string | null;
  connection: string | null;
  transport: string | null;
  endpoint: string | null;
  message: string | null;
}

/** What follows `name :`, wherever it first stands; null where it does not. */
export function readField(text: string, name: string): string | null {
  return new RegExp(`${name} *: +(.+)`).exec(text)?.[1] ?? null;
}

/** The networks of a list. Throws on a line that such a reader would choke on. */
export function readList(text: string): ReadNetwork[] {
  const networks: ReadNetwork[] = [];
  for (const line of text.split("\n")) {
    if (line.length <= 5) continue;
    if (line.indexOf("[") === 3) {
      networks.push(readNetwork(line));
      continue;
    }
    const isUnapproved = line.indexOf("?") === 5;
    if (!isUnapproved && line.indexOf("-") !== 10) continue;
    const network = networks.at(-1);
    if (network === undefined) throw new Error(`a member before any network: ${line}`);
    network.memberList.push(isUnapproved ? readUnapproved(line) : readMember(line));
  }
  return networks;
}

const NETWORK_HEAD = /^ (.) \[(\d{3}-\d{3}-\d{3}|.+)\] *(.*?) *$/u;
const NETWORK_TAIL =
  /^capacity: (\d{1,3})\/(\d{1,3}), *(?:\[([\d./]{9,19})\])? *(?<= )subscription type: ([^,]+), owner: (.*)$/;

function readNetwork(line: string): ReadNetwork {
  const split = line.lastIndexOf("capacity: ");
  const head = NETWORK_HEAD.exec(line.slice(0, split));
  const tail = NETWORK_TAIL.exec(line.slice(split));
  if (head === null || tail === null) throw new Error(`unreadable network: ${line}`);
  const [, mark = "", id = "", name = ""] = head;
  const [, members = "", capacity = "", subnet = null, subscription = "", owner = ""] = tail;
  return { mark, id, name: name || id, members, capacity, subnet, subscription, owner, memberList: [] };
}

function readUnapproved(line: string): ReadMember {
  const id = /^ {5}\? (\d{3}-\d{3}-\d{3}) *$/.exec(line)?.[1];
  if (id === undefined) throw new Error(`unreadable unapproved member: ${line}`);
  const unknown = { nick: null, address4: null, alias: null, address6: null, connection: null, transport: null };
  return { mark: "?", id, ...unknown, endpoint: null, message: null };
}

/** Each may be missing, none may come before the one above it. */
const TOKENS = [
  /([\d.]{7,15})/,
  /alias: (not set|[\d.]{7,15})/,
  /([\da-f:]{6,39})/,
  /(direct|via relay|via server)/,
  /(UDP|TCP)/,
  /([\d.]{7,15}:\d{1,5})/,
  /([ a-zA-Z]+)/,
];
const REST = new RegExp(`^ *${TOKENS.map((token) => `(?:${token.source})?`).join(" *")}$`);

function readMember(line: string): ReadMember {
  const start = /^ {5}(.) (\d{3}-\d{3}-\d{3}) +/.exec(line);
  if (start === null) throw new Error(`unreadable member: ${line}`);
  const [whole, mark = "", id = ""] = start;
  const text = line.slice(whole.length);
  for (let length = 0; length <= text.length; length++) {
    const rest = REST.exec(text.slice(length));
    if (rest === null) continue;
    const [address4, alias, address6, connection, transport, endpoint, message] = rest.slice(1).map((one) =>
      one ?? null
    );
    return {
      mark,
      id,
      nick: text.slice(0, length).trimEnd(),
      address4: address4 ?? null,
      alias: alias === "not set" ? null : alias ?? null,
      address6: address6 ?? null,
      connection: connection ?? null,
      transport: transport ?? null,
      endpoint: endpoint ?? null,
      message: message ?? null,
    };
  }
  throw new Error(`unreadable member: ${line}`);
}
