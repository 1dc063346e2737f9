/** All that is measured of one cipher suite, wherever this runs. */
import type { CiphersuiteName } from "ts-mls";
import type { GroupLibrary, TalkLibrary } from "./library.ts";
import { commits, joinedPair, joins, messages, pairs, type SuiteFigures } from "./measure.ts";
import { type Written, written } from "./measure.ts";
import { type Backend, ours } from "./ours.ts";
import { primitiveCosts } from "./primitives.ts";
import { Room, type TreeShape } from "./rooms.ts";
import { tsMls } from "./ts-mls.ts";

export interface Plan {
  readonly rounds: number;
  /** How many are in the groups that are measured, and in the one that only our own can join. */
  readonly members: number;
  readonly large: number;
}

/** Suites that ts-mls has too. Its hybrid one is another construction than ours. */
const tsMlsNames: Readonly<Record<number, CiphersuiteName>> = {
  1: "MLS_128_DHKEMX25519_AES128GCM_SHA256_Ed25519",
  3: "MLS_128_DHKEMX25519_CHACHA20POLY1305_SHA256_Ed25519",
};

/** A signature is quick beside a Commit: more rounds make its median firm. */
const primitiveRounds = 8;

/** The last one of `backends` is who everybody else in the groups is made with. */
export async function suiteFigures(
  suite: number,
  { rounds, members, large }: Plan,
  backends: readonly Backend[],
  beside: readonly TalkLibrary[],
): Promise<SuiteFigures> {
  const slowRounds = Math.ceil(rounds / 2);
  const own = backends.map((backend) => ours(suite, backend));
  const others = backends.at(-1)!;
  const theirs = tsMlsNames[suite];
  const libraries = theirs === undefined ? own : [await tsMls(theirs), ...own];
  const figures: SuiteFigures = { suite, speed: {}, written: {} };
  const { speed } = figures;
  const say = (what: string) => console.error(`suite ${suite}: ${what}`);

  speed["primitives"] = await primitiveCosts(backends, rounds * primitiveRounds);
  const two = await pairs([...libraries, ...beside]);
  figures.written["2"] = await writtenBy(two);
  speed["messages, 2 members"] = await messages(two, rounds);
  say("pairs done");

  for (const shape of ["fresh", "settled"] as const satisfies TreeShape[]) {
    const ends = [];
    for (const library of libraries) {
      const room = Room.of(shape, members, 2, suite, others);
      ends.push({ name: library.name, members: await joinedPair(library, room) });
    }
    const talking = ends.map(({ name, members: talkers }) => ({ name, talkers }));
    if (shape === "settled") {
      figures.written[`${members}`] = await writtenBy(talking);
      speed[`messages, ${members} members`] = await messages(talking, rounds);
    }
    speed[`commits, ${members} members, ${shape} tree`] = await commits(ends, slowRounds);
    say(`${shape} tree of ${members} done`);
  }
  speed[`joins, ${members} members`] = await joins(
    libraries,
    Room.of("settled", members, 1, suite, others),
    slowRounds,
  );
  say(`joins at ${members} done`);
  speed[`joins, ${large} members`] = await joins(own, Room.of("fresh", large, 1, suite, others), slowRounds);
  figures.written[`${large}`] = await writtenBy(await largeRoomPairs(own, suite, large, others));
  say(`joins at ${large} done`);
  return figures;
}

async function writtenBy(
  ends: readonly { readonly name: string; readonly talkers: Parameters<typeof written>[0] }[],
): Promise<Record<string, Written>> {
  const all: Record<string, Written> = {};
  for (const { name, talkers } of ends) all[name] = await written(talkers);
  return all;
}

async function largeRoomPairs(
  libraries: readonly GroupLibrary[],
  suite: number,
  large: number,
  others: Backend,
) {
  const room = Room.of("fresh", large, 2, suite, others);
  const ends = [];
  for (const library of libraries) {
    const newcomers = [await library.newcomer("alice"), await library.newcomer("bob")] as const;
    const welcome = room.add(newcomers);
    const talkers = [await newcomers[0].join(welcome), await newcomers[1].join(welcome)] as const;
    ends.push({ name: library.name, talkers });
  }
  return ends;
}
