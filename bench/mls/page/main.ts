/** The page in which the benchmark runs: what a browser has is libsodium. */
import { sodiumPrimitives } from "@fedchat/mls";
import type { SuiteFigures } from "../measure.ts";
import { type Plan, suiteFigures } from "../suite-figures.ts";

export interface BenchPage {
  figures(suite: number, plan: Plan): Promise<SuiteFigures>;
}

const backend = {
  primitives: await sodiumPrimitives(),
  random: { bytes: (length: number) => crypto.getRandomValues(new Uint8Array(length)) },
};
const page: BenchPage = { figures: (suite, plan) => suiteFigures(suite, plan, [backend], []) };

Object.assign(globalThis, { benchPage: page });
