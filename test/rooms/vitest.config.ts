import { mergeConfig } from "vitest/config";
import unit from "../../vitest.config.ts";
import { roomSuites } from "./suites.ts";

/** As `npm test`, of what it leaves out. */
const { include: _, exclude: __, ...alike } = unit.test ?? {};
export default mergeConfig(
  { test: alike },
  { test: { root: new URL("../..", import.meta.url).pathname, include: roomSuites, testTimeout: 120_000 } },
);
