import type { EngineControl, EngineStatus, MemberView, NetworkView, PingReply } from "../../ipc/mod.ts";
import type { Form } from "../form.ts";
import type { TextField } from "../text_field.ts";

/** What is known of the engine. */
export type EngineState =
  | { readonly at: "connecting" }
  /** `reason`: nobody listens, this user may not, or something else, which `detail` says. */
  | { readonly at: "unreachable"; readonly reason: "notRunning" | "notPermitted" | "failed"; readonly detail: string }
  | { readonly at: "running"; readonly status: EngineStatus; readonly networks: readonly NetworkView[] };

/** By what members stand in order. */
export const SORTS = ["name", "status", "traffic"] as const;

/** One of these. */
export type Sort = (typeof SORTS)[number];

/** Bytes a second, each way, and the counters they were taken from. */
export interface Traffic {
  /** As the engine counted them last. */
  readonly bytesIn: number;
  /** Likewise. */
  readonly bytesOut: number;
  /** From the member. */
  readonly inPerSecond: number;
  /** To it. */
  readonly outPerSecond: number;
}

/** A run of pings, the last one of a member. */
export interface PingRun {
  /** Client id of the member. */
  readonly member: string;
  /** What it is called. */
  readonly nick: string;
  /** How many are answered or lost. */
  readonly sent: number;
  /** How many of them are answered. */
  readonly answered: number;
  /** The newest answer or loss; null = none yet. */
  readonly last: PingReply | null;
}

/** A sentence about what has just been done. */
export interface Notice {
  /** The sentence. */
  readonly text: string;
  /** Whether it says that something failed. */
  readonly isFailure: boolean;
  /** Until when it stands, on the model's clock. */
  readonly until: number;
}

/** What to do with the answers of a form; the names are those of `Action`. */
export type Intent =
  | { readonly do: "create" }
  | { readonly do: "join" }
  | { readonly do: "send"; readonly to: string; readonly kind: "peer" | "network" }
  | { readonly do: "leave" | "delete"; readonly network: string }
  | { readonly do: "reject" | "evict"; readonly network: string; readonly member: string };

/** What keys go to. */
export type Mode =
  | { readonly at: "list" }
  /** The details of the selected row have the whole screen. */
  | { readonly at: "details" }
  | { readonly at: "help"; readonly top: number }
  | { readonly at: "filter"; readonly field: TextField }
  | { readonly at: "form"; readonly title: string; readonly form: Form; readonly intent: Intent };

/** All that the screen shows. */
export interface Model {
  /** See `EngineState`. */
  readonly engine: EngineState;
  /** Words that start an engine, for who has none running. */
  readonly startCommand: string;
  /** Ids of networks whose members are hidden. */
  readonly collapsed: ReadonlySet<string>;
  /** Key of the selected row; one that is gone selects the first. */
  readonly selected: string;
  /** As typed; "" lets everything through. */
  readonly filter: string;
  /** See `Sort`. */
  readonly sort: Sort;
  /** See `Mode`. */
  readonly mode: Mode;
  /** What stands at the foot, until its time is over. */
  readonly notice: Notice | null;
  /** By client id. */
  readonly traffic: ReadonlyMap<string, Traffic>;
  /** The one that runs, or ran last. */
  readonly ping: PingRun | null;
  /** Milliseconds on the loop's clock, when the last event came. */
  readonly now: number;
  /** When the engine answered last, on the same clock. */
  readonly answeredAt: number;
}

/** What an owner or administrator does to a member of a network. */
export type PowerName = "approve" | "reject" | "evict";

/** What the view asks of an engine. */
export type ViewControl = Pick<
  EngineControl,
  | "status"
  | "list"
  | "create"
  | "join"
  | "leave"
  | "delete"
  | "goOnline"
  | "goOffline"
  | "login"
  | "logout"
  | "ping"
  | "send"
  | "events"
  | PowerName
>;

/** What the loop asks the engine to do, once. */
export type Call =
  | { readonly do: "login" | "logout" }
  | { readonly do: "create" | "join"; readonly network: string; readonly password: string }
  | { readonly do: "send"; readonly to: string; readonly kind: "peer" | "network"; readonly text: string }
  | { readonly do: "leave" | "delete" | "goOnline" | "goOffline"; readonly network: string }
  | { readonly do: PowerName; readonly network: string; readonly member: string };

/** What a key asks of the loop. */
export type Action =
  | Call
  | { readonly do: "quit" | "suspend" | "redraw" | "stopPing" }
  | { readonly do: "copy"; readonly text: string }
  | { readonly do: "ping"; readonly member: string };

/** Where an event leads. */
export interface Step {
  /** What is shown from now on. */
  readonly model: Model;
  /** What the loop is to do. */
  readonly action?: Action;
}

/** A row of the list. */
export type Row =
  | { readonly key: string; readonly network: NetworkView; readonly member: null }
  | { readonly key: string; readonly network: NetworkView; readonly member: MemberView };

/** Nothing known yet. */
export function initialModel(options: Pick<Model, "startCommand" | "now">): Model {
  return {
    ...options,
    engine: { at: "connecting" },
    collapsed: new Set(),
    selected: "",
    filter: "",
    sort: "name",
    mode: { at: "list" },
    notice: null,
    traffic: new Map(),
    ping: null,
    answeredAt: options.now,
  };
}
