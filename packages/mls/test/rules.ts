/** The frame in which every rule is broken once: a scene, a way to break it, and the outcomes to look at. */
import type { Rule } from "../src/index.ts";
import { type Client, groupOf, World } from "./world.ts";

export interface Scene {
  readonly world: World;
  readonly alice: Client;
  readonly bob: Client;
  readonly carol: Client;
}

export interface Outcome {
  readonly kind: string;
  readonly rule?: string;
  readonly reason?: string;
}

/** Breaks a rule in one or several ways; each outcome must name it. */
export type Break = (scene: Scene) => Outcome | readonly Outcome[];

export type Breaks = Partial<Record<Rule, Break>>;

export function scene(rule: string): Scene {
  const world = new World({ seed: `rules ${rule}` });
  const [alice, bob, carol] = groupOf(world, "alice", "bob", "carol");
  return { world, alice, bob, carol };
}
