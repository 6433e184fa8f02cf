/**
 * Port mapping: a port of this machine made reachable from outside by asking the router for it.
 *
 * PCP, NAT-PMP and UPnP-IGD are tried side by side, of those that answer the best is used. A mapping is tried from outside
 * before anyone is told of it, renewed in time for the same internal port, made anew after the router restarted, and
 * deleted at the end. Where nothing answers, ever longer pauses follow.
 *
 * @module
 */
export { type Gateway, MAPPER_NAMES, type MapperName } from "./types.ts";
export type { Answers, MappingStatus, MappingView, ProtocolAnswer } from "./status.ts";
export { type GatewayNetwork, systemNetwork } from "./network.ts";
export { type PortMapping, type PortMappingOptions, startPortMapping } from "./port_mapping.ts";
export { systemGateway } from "./gateway.ts";
