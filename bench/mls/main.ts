/**
 * `npm run bench:mls [-- --table] [--rounds N] [--suites 1,3,79] [--members 200] [--large 1000]`: @fedchat/mls with
 * libsodium and with node:crypto beside ts-mls 1.6.4, in rounds that take turns. Everything includes wire encoding and
 * the erasing of former secrets; `+store` adds the encoding of what a database is told. One JSON line.
 *
 * primitives: what bounds the rest · messages: of 400 bytes, between two and in a group · commits: empty, with a path,
 * in a fresh and a settled tree (see rooms.ts) · joins: by a Welcome with the tree inside · written: bytes to be stored
 * for a message.
 */
import { sodiumPrimitives } from "@fedchat/mls";
import { nodePrimitives } from "@fedchat/mls/node";
import { parseArgs } from "node:util";
import type { CiphersuiteName } from "ts-mls";
import { librariesBeside } from "./beside.ts";
import type { GroupLibrary } from "./library.ts";
import { commits, joinedPair, joins, messages, pairs, payload, type SuiteFigures } from "./measure.ts";
import { type Written, written } from "./measure.ts";
import { ours } from "./ours.ts";
import { primitiveCosts } from "./primitives.ts";
import { Room, type TreeShape } from "./rooms.ts";
import { table } from "./table.ts";
import { tsMls } from "./ts-mls.ts";

const { values } = parseArgs({
  options: {
    table: { type: "boolean", default: false },
    rounds: { type: "string", default: "15" },
    suites: { type: "string", default: "1,3,79" },
    members: { type: "string", default: "200" },
    large: { type: "string", default: "1000" },
  },
});
const rounds = Math.min(Number(values.rounds), 200);
const slowRounds = Math.ceil(rounds / 2);
const [members, large] = [Number(values.members), Number(values.large)];

/** Suites that ts-mls has too. Its hybrid one is another construction than ours. */
const tsMlsNames: Readonly<Record<number, CiphersuiteName>> = {
  1: "MLS_128_DHKEMX25519_AES128GCM_SHA256_Ed25519",
  3: "MLS_128_DHKEMX25519_CHACHA20POLY1305_SHA256_Ed25519",
};

const sodium = await sodiumPrimitives();
const node = nodePrimitives(sodium);
const beside = await librariesBeside();
const suites: SuiteFigures[] = [];
for (const suite of values.suites.split(",").map(Number)) suites.push(await measured(suite));
if (values.table) console.log(table(suites));
console.log(JSON.stringify({ bench: "mls", payloadBytes: payload.length, rounds, members, large, suites }));

async function measured(suite: number): Promise<SuiteFigures> {
  const own = [ours(suite, sodium), ours(suite, node)];
  const theirs = tsMlsNames[suite];
  const libraries = theirs === undefined ? own : [await tsMls(theirs), ...own];
  const figures: SuiteFigures = { suite, speed: {}, written: {} };
  const { speed } = figures;
  const say = (what: string) => console.error(`suite ${suite}: ${what}`);

  speed["primitives"] = await primitiveCosts([sodium, node], rounds * 8);
  const two = await pairs([...libraries, ...beside]);
  figures.written["2"] = await writtenBy(two);
  speed["messages, 2 members"] = await messages(two, rounds);
  say("pairs done");

  for (const shape of ["fresh", "settled"] as const satisfies TreeShape[]) {
    const ends = [];
    for (const library of libraries) {
      const room = Room.of(shape, members, 2, suite, node);
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
    Room.of("settled", members, 1, suite, node),
    slowRounds,
  );
  say(`joins at ${members} done`);
  speed[`joins, ${large} members`] = await joins(own, Room.of("fresh", large, 1, suite, node), slowRounds);
  figures.written[`${large}`] = await writtenBy(await largeRoomPairs(own, suite));
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

async function largeRoomPairs(libraries: readonly GroupLibrary[], suite: number) {
  const room = Room.of("fresh", large, 2, suite, node);
  const ends = [];
  for (const library of libraries) {
    const newcomers = [await library.newcomer("alice"), await library.newcomer("bob")] as const;
    const welcome = room.add(newcomers);
    const talkers = [await newcomers[0].join(welcome), await newcomers[1].join(welcome)] as const;
    ends.push({ name: library.name, talkers });
  }
  return ends;
}
