/** What the bench and its engines' processes say to each other. */
import type { MethodName } from "@fedchat/engine/interface";

/** Somebody whom an engine is to have as a contact without having talked. */
export interface KnownPerson {
  /** Signed account record, in hex. */
  record: string;
  /** In hex. */
  capability: string;
}

export interface Awaited {
  roomId: string;
  people?: number;
  text?: string;
}

/** One of them; with none it is the CPU time that is asked for. */
export interface ToEngine {
  id: number;
  call?: { method: MethodName; params: unknown };
  until?: Awaited;
  know?: KnownPerson[];
}

export type FromEngine =
  | { kind: "ready" }
  | { kind: "result"; id: number; result: unknown }
  | { kind: "failed"; id: number; message: string };
