/**
 * How windows of one origin find the one engine among them. Locks say who lives, since the browser lets go of a lock
 * when its holder dies, however it dies; broadcast channels carry what is said. A screen holds the lock of its own
 * channel; whoever serves it waits for that lock to know when it is gone. [J6]
 */
import type { ServerId } from "@fedchat/protocol";

/** Held by the window whose worker is the engine. */
export const engineLock = "fedchat-engine";
/** Heard by everybody of this origin. */
export const callsChannel = "fedchat-calls";
/** Between one screen and the engine; the lock of the same name is the screen's. */
export const screenChannel = (id: string): string => `fedchat-screen-${id}`;

/**
 * On the calls channel: a screen looks for the engine; an engine serves from now on; the store of the engine was deleted
 * under it, and what is open of this origin is of no more use.
 */
export type Calling = { kind: "hello"; id: string } | { kind: "serving" } | { kind: "deleted" };

/** On a screen's channel. */
export type ToScreen =
  | { kind: "open" }
  | { kind: "text"; text: string }
  /** There is no engine, for a reason that does not pass by itself. */
  | { kind: "failed"; sentence: string };
export type FromScreen = { kind: "text"; text: string } | { kind: "close" };

/**
 * To the window that started it. `loaded`: it listens; a module that waits while it is loaded loses what was said to it
 * before. `serving`: screens are served from now on.
 */
export type FromWorker = "loaded" | "serving";

/** What a window starts its worker with. */
export interface EngineStart {
  /** Which homeserver this is, as far as the window knows: that of the account which is kept here counts before it. */
  server: ServerId;
  deviceName: string;
}
