import { safe } from "../../base/safe.ts";
import type { DeliveryView, EngineEvent, MessageView, PersonView } from "../../ipc/mod.ts";
import { shownTime } from "./members.ts";

/** `bob (090-123-456)`: a nickname is what its owner likes, so the id stands beside it. */
function shownPerson({ id, nick }: PersonView): string {
  return nick === "" ? id : `${safe(nick)} (${id})`;
}

/** One line of the history. */
export function renderMessage(message: MessageView): string {
  const { direction, from, to, network, sentAt } = message;
  const place = network === null ? "" : ` in ${network === "" ? "a network that is gone" : safe(network)}`;
  const head = direction === "in"
    ? `${shownPerson(from)}${place}`
    : `you${to === null ? place : ` to ${shownPerson(to)}`}`;
  return `${shownTime(sentAt)}  ${head}: ${shownText(message)}`;
}

/** One line of a conversation that one is in: without when and where. */
export function renderLine(message: MessageView): string {
  return `${shownPerson(message.from)}: ${shownText(message)}`;
}

function shownText({ text, direction, verified, deliveries }: MessageView): string {
  if (text === null) return "(a message that could not be read)";
  if (direction === "in") return verified ? safe(text) : `${safe(text)} (unverified)`;
  const isOpen = deliveries.some(({ state }) => state !== "delivered");
  return isOpen ? `${safe(text)} (${renderDeliveries(deliveries)})` : safe(text);
}

/** How far an own message has come: `delivered`, or for several `2 delivered, 1 stored`. */
export function renderDeliveries(deliveries: readonly DeliveryView[]): string {
  const [first, second] = deliveries;
  if (first === undefined) return "nobody else is in this network";
  if (second === undefined) return renderDelivery(first);
  const states = ["delivered", "stored", "waiting", "failed"] as const;
  return states.flatMap((state) => {
    const { length } = deliveries.filter((each) => each.state === state);
    return length === 0 ? [] : [`${length} ${state}`];
  }).join(", ");
}

function renderDelivery({ id, nick, state, reason }: DeliveryView): string {
  const name = nick === "" ? id : safe(nick);
  switch (state) {
    case "delivered":
      return "delivered";
    case "stored":
      return `stored until ${name} is online`;
    case "waiting":
      return `kept here until ${name} or the server can be reached`;
    case "failed":
      return `failed, ${safe(reason ?? "not delivered")}`;
  }
}

/** One line of `events`. */
export function renderEvent(event: EngineEvent): string {
  return `${shownTime(event.at)}  ${renderFacts(event)}`;
}

function renderFacts(event: EngineEvent): string {
  switch (event.kind) {
    case "status":
      return `${event.status === "logged in" ? "logged in" : "the connection to the server is lost"}`;
    case "network":
      return `network ${safe(event.network)}: ${event.change}`;
    case "member":
      return `${shownPerson(event.member)} in ${safe(event.network)}: ${event.change}`;
    case "path":
      return event.path === null
        ? `no path to ${shownPerson(event.member)}`
        : `path to ${shownPerson(event.member)}: ${event.path} ${event.transport?.toUpperCase()} ${event.endpoint}`;
    case "message":
      return event.message.direction === "in"
        ? `message from ${renderLine(event.message)}`
        : `message to ${event.message.network ?? shownPerson(event.message.to!)}: ${shownText(event.message)}`;
    case "delivery":
      return `message to ${shownPerson(event.delivery)}: ${renderDelivery(event.delivery)}`;
    case "notice":
      return `${event.notice} in ${safe(event.network)} from ${event.from}: ${safe(event.text)}`;
    case "lost":
      return `${event.count} events were left out: this terminal is too slow`;
  }
}
