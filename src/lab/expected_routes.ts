/**
 * Which way two computers of the laboratory are to find to each other, by the kinds of their NATs: the table that
 * `buri lab nat-matrix` holds Buri to.
 *
 * @module
 */
import { NAT_KINDS, type NatKindId } from "./nat_kinds.ts";

/** A kind of the matrix: one of the NATs, or none. */
export type MatrixKind = NatKindId | "public";

/**
 * `direct` and `relay` are certain; `search`: ports have to be foretold or guessed, so that direct is wanted and a relay is
 * accepted; `either`: both are right.
 */
export type ExpectedRoute = "direct" | "relay" | "search" | "either";

/** All kinds of the matrix, in the order of its rows and columns. */
export const MATRIX_KINDS: readonly MatrixKind[] = [
  "public",
  "FC",
  "AR",
  "PR",
  "SY",
  "SN",
  "SS",
  "CG",
  "CGs",
  "HP",
  "UB",
  "T4",
  "PX",
];

/** What counts of a kind here. */
type RouteClass = "open" | "restricted" | "symmetric" | "walled";

const CLASSES: Record<MatrixKind, RouteClass> = {
  public: "open",
  // Whoever may send to it from any port of an address it knows is found by the first datagram.
  FC: "open",
  AR: "open",
  HP: "open",
  PR: "restricted",
  CG: "restricted",
  CGs: "restricted",
  SY: "symmetric",
  SN: "symmetric",
  SS: "symmetric",
  CN: "symmetric",
  // Its mapped port lets in whoever comes.
  PM: "open",
  UB: "walled",
  T4: "walled",
  PX: "walled",
};

const ROUTES: Record<RouteClass, Record<RouteClass, ExpectedRoute>> = {
  open: { open: "direct", restricted: "direct", symmetric: "direct", walled: "relay" },
  restricted: { open: "direct", restricted: "direct", symmetric: "search", walled: "relay" },
  symmetric: { open: "direct", restricted: "search", symmetric: "relay", walled: "relay" },
  walled: { open: "relay", restricted: "relay", symmetric: "relay", walled: "relay" },
};

/** What the classes do not say. */
const EXCEPTIONS: Readonly<Record<string, ExpectedRoute>> = {
  // Both ports can be foretold, if nobody else uses the NATs meanwhile.
  "SS SS": "either",
  // Their carrier's NAT does not turn datagrams back, and neither knows its address between the NATs.
  "CGs CGs": "relay",
};

/** The route that the table asks for. */
export function expectedRoute(one: MatrixKind, other: MatrixKind): ExpectedRoute {
  return EXCEPTIONS[`${one} ${other}`] ?? ROUTES[CLASSES[one]][CLASSES[other]];
}

/** Whether a route that was found is one that was expected. */
export function isExpected(expected: ExpectedRoute, found: "direct" | "relay" | null): boolean {
  return found !== null && (expected === "either" || expected === "search" || expected === found);
}

/** Whether the name is one of a kind. */
export function isMatrixKind(name: string): name is MatrixKind {
  return name === "public" || Object.hasOwn(NAT_KINDS, name);
}
