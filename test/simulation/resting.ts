/** Waits until a network that is left alone has nothing under way any more, and a while longer. */
import { unrest } from "./checkers.ts";
import type { Simulation } from "./simulate.ts";

/** A network that is not at rest by then waits for something slow. */
const soonMs = 300_000;
/** Something that still comes would come by then. */
const aftermathMs = 120_000;
/** What is not there by then is stuck. */
const underWayMs = 30_000;

export async function rest(simulation: Simulation, withinMs: number): Promise<string[]> {
  const { clock, violations } = simulation;
  const begun = clock.now();
  let restless = await unrest(simulation);
  while (restless.length > 0 && violations.found.length === 0 && clock.now() < begun + withinMs) {
    await clock.sleep(clock.now() < begun + soonMs ? 1_000 : 20_000);
    restless = await unrest(simulation);
  }
  if (restless.length > 0) return ["the network does not come to rest", ...restless];
  await clock.sleep(aftermathMs);
  // Beats and questions go out minutes after talk, and one may be under way at that very moment. [Z1] [Z2]
  const looked = clock.now();
  restless = await unrest(simulation);
  while (restless.length > 0 && clock.now() < looked + underWayMs) {
    await clock.sleep(1_000);
    restless = await unrest(simulation);
  }
  return restless;
}
