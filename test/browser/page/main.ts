/** The page in which the vectors run: the test asks for one file after another. */
import { sodiumPrimitives } from "../../../packages/mls/src/crypto/sodium.ts";
import { PUBLISHED } from "../../../packages/mls/test/published/index.ts";
import { recordedGroup } from "../../../packages/mls/test/published/joining.ts";

export interface VectorPage {
  /** The verdicts on each case of one file, which comes from `/vectors/`. */
  verdicts(name: string): Promise<string[]>;
}

const primitives = await sodiumPrimitives();

const page: VectorPage = {
  async verdicts(name) {
    const file = [...PUBLISHED, recordedGroup].find((one) => one.name === name);
    if (file === undefined) throw new Error(`no such file: ${name}`);
    const answer = await fetch(`/vectors/${name}.json`);
    return file.verdicts([await answer.json()].flat() as unknown[], primitives);
  },
};

Object.assign(globalThis, { vectorPage: page });
