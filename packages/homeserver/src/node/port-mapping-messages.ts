/** What the homeserver's thread and the one that talks with the router say to each other. */

export type ToRouter = { ask: "map"; port: number } | { ask: "release"; port: number };

export type MappingFailure =
  /** Nobody answered by NAT-PMP or UPnP. */
  | { why: "no-router" }
  /** A router answered, and refused; with the number that it gave, if any. */
  | { why: "refused"; code: string }
  /** It gave the port, but its own outside address is a private one. */
  | { why: "not-public" }
  /** This machine is in no private network: there is nothing to map. */
  | { why: "no-network" };

export type FromRouter =
  | { told: "mapped"; way: "NAT-PMP" | "UPnP"; host: string; port: number }
  | { told: "failed"; failure: MappingFailure }
  | { told: "released" };
