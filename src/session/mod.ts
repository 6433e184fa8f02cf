/**
 * Conversations: login and peer exchange as machines without sockets, clock or randomness of their own. An event goes in, the
 * next state and a list of effects come out; the caller carries the effects out in order.
 *
 * @module
 */

export {
  CLIENT_LOGIN_TIMEOUT_MS,
  type ClientLoginState,
  type ClientLoginStep,
  startClientLogin,
  stepClientLogin,
} from "./client_login.ts";
export * from "./control_stream.ts";
export * from "./exchange_types.ts";
export * from "./login_types.ts";
export { PeerExchanges } from "./peer_exchanges.ts";
export * from "./sealed_messages.ts";
export {
  AUTH_TIMEOUT_MS,
  HELO_TIMEOUT_MS,
  type ServerLoginContext,
  type ServerLoginState,
  type ServerLoginStep,
  startServerLogin,
  stepServerLogin,
} from "./server_login.ts";
