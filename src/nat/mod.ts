/**
 * Ways through NATs: which path a tunnel takes, and what kind of NAT stands before us. Everything here decides; nothing sends.
 *
 * @module
 */

export * from "./discovery.ts";
export * from "./explain.ts";
export * from "./keepalive.ts";
export * from "./path.ts";
export * from "./paths.ts";
export * from "./port_model.ts";
export * from "./port_search.ts";
