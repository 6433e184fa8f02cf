/**
 * Conversations: login and peer exchange as machines without sockets, clock or randomness of their own. An event goes in, the
 * next state and a list of effects come out; the caller carries the effects out in order.
 *
 * Client login: `startClientLogin(options, random)` and `stepClientLogin(state, event, random)`.
 * Server login: `startServerLogin(now)` and `stepServerLogin(state, event, { server, now, random })`.
 * Peer exchange: `new PeerExchanges(random)`, one for all tunnels of a socket.
 *
 * @module
 */

export * from "./control_stream.ts";
export * from "./exchange_types.ts";
export * from "./login_types.ts";
