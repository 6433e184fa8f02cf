/**
 * Between a command and the running engine: the contract (`EngineControl`), and its transport over a socket.
 *
 * @module
 */

export { connectControl, type ControlConnection, EngineUnreachableError, openControl } from "./client.ts";
export { resultShape } from "./methods.ts";
export type {
  CandidateView,
  NatControl,
  NatDependence,
  NatView,
  PortMappingProtocol,
  PortMappingView,
  WhyView,
} from "./nat_schema.ts";
export * from "./schema.ts";
export * from "./invite_schema.ts";
export * from "./doctor_schema.ts";
export type { Shape } from "./shape.ts";
export { type ControlServer, type ControlServerOptions, serveControl } from "./server.ts";
export * from "./chat_schema.ts";
