import { FakeEngine } from "./fake_engine.ts";
import { offlineMember, sampleMember, sampleMessage, sampleNetwork, sampleStatus } from "./sample_views.ts";

/** Engines for the scripts in tests/cli, by name; undefined = none runs. */
export const WORLDS: Readonly<Record<string, () => FakeEngine | "forbidden" | undefined>> = {
  none: () => undefined,
  forbidden: () => "forbidden",
  fresh: () => {
    const engine = new FakeEngine();
    const nothing = { id: null, address4: null, address6: null, nick: "", device: null };
    engine.view = sampleStatus({ status: "offline", ...nothing });
    return engine;
  },
  joinable: () => {
    const office = sampleNetwork({ members: [sampleMember()] });
    const elsewhere = (name: string, changes = {}) => sampleNetwork({ id: name, name, ...changes });
    return new FakeEngine([], {
      office: { password: "s3same", view: office },
      playground: { password: "", view: elsewhere("playground") },
      club: { password: "s3same", view: elsewhere("club", { approve: "manual" }) },
      vault: { password: "s3same", view: elsewhere("vault", { status: "locked" }) },
      crowd: { password: "s3same", view: elsewhere("crowd"), isFull: true },
    });
  },
  peers: () => {
    const engine = new FakeEngine([
      sampleNetwork({
        id: "game night",
        name: "game night",
        owner: { id: "090-736-821", nick: "alice", isSelf: true },
        members: [
          sampleMember(),
          sampleMember({
            id: "090-123-457",
            nick: "-=carol of the very long nickname=-",
            address4: "10.77.0.3",
            address6: "fd12:3456:789a::a4d:3",
            path: "relay",
            endpoint: "203.0.113.9:17771",
          }),
          sampleMember({
            id: "090-123-460",
            nick: "erin",
            address4: "10.77.0.6",
            address6: "fd12:3456:789a::a4d:6",
            path: "server",
            transport: "tls",
            endpoint: "203.0.113.1:443",
          }),
          offlineMember({
            id: "090-123-461",
            nick: "frank",
            address4: "10.77.0.7",
            address6: "fd12:3456:789a::a4d:7",
            status: "unapproved",
          }),
          offlineMember({ id: "090-123-458", nick: "dave", address4: "10.77.0.4", address6: "fd12:3456:789a::a4d:4" }),
        ],
      }),
      sampleNetwork({
        online: false,
        members: [
          offlineMember({ id: "090-123-459", nick: "dave", address4: "10.77.0.5", address6: "fd12:3456:789a::a4d:5" }),
        ],
      }),
    ]);
    engine.rtts = [12.34, null, 9.5];
    return engine;
  },
  chatting: () => {
    const dave = offlineMember({ id: "090-123-459", nick: "dave", address4: "10.77.0.5" });
    const engine = new FakeEngine([
      sampleNetwork({ id: "game night", name: "game night", members: [sampleMember(), dave] }),
      sampleNetwork({ id: "alone", name: "alone" }),
    ]);
    const bob = { id: "090-123-456", nick: "bob" };
    const evil = { id: "090-123-460", nick: "\u001b[2Jbob\n" };
    engine.messages = [
      sampleMessage(),
      sampleMessage({
        id: "1".repeat(32),
        from: evil,
        to: null,
        network: "game night",
        text: "\u001b]0;owned\u0007x",
        verified: false,
      }),
      sampleMessage({ id: "2".repeat(32), text: null, sentAt: 8_640_000_000_000_000 }),
    ];
    const at = 1_700_000_000_000;
    const member = { ...bob, address4: "10.77.0.2" };
    engine.happening = [
      { at, kind: "status", status: "logged in" },
      { at, kind: "network", network: "game night", change: "added" },
      { at, kind: "member", network: "game night", change: "online", member },
      { at, kind: "path", member, path: "direct", transport: "udp", endpoint: "203.0.113.5:42000" },
      { at, kind: "path", member, path: null, transport: null, endpoint: null },
      { at, kind: "message", message: sampleMessage() },
      { at, kind: "delivery", message: "1".repeat(32), delivery: { ...bob, state: "stored", reason: null } },
      { at, kind: "notice", network: "game night", notice: "welcome", from: bob.id, text: "hello\u202e", sentAt: at },
      { at, kind: "lost", count: 3 },
    ];
    engine.endsEvents = true;
    return engine;
  },
  hostile: () =>
    new FakeEngine([
      sampleNetwork({
        id: "office\u001b]0;owned\u0007",
        name: "office\u001b]0;owned\u0007",
        owner: { id: "090-123-456", nick: "x capacity: 1/2, owner: This computer", isSelf: false },
        members: [
          sampleMember({ nick: "\u001b[2J\u001b[31mbob\n * [fake]  capacity: 1/5," }),
          sampleMember({
            id: "090-123-457",
            nick: "10.9.9.9  alias: not set direct",
            message: "call 555-1234\u0007 now!",
          }),
        ],
      }),
    ]),
};
