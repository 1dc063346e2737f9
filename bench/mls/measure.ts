/** What is measured: messages, Commits, joins, and how many bytes each step of a conversation leaves to be stored. */
import type { GroupLibrary, Member, Newcomer, Talker, TalkLibrary } from "./library.ts";
import type { Room } from "./rooms.ts";
import { type Comparison, type Contender, sideBySide, type Taken, timed } from "./rounds.ts";

export const payload: Uint8Array = new Uint8Array(400).fill(0x61);
const messagesPerRound = 10;
/** Messages are quick: many short rounds, so that few are interrupted. */
const messageRoundsPerRound = 8;

/** A conversation between two ends, with and without what a database would be told. */
export async function messages(
  ends: readonly { readonly name: string; readonly talkers: readonly [Talker, Talker] }[],
  rounds: number,
): Promise<Comparison> {
  const contenders = ends.map(({ name, talkers: [from, to] }): Contender => ({
    name,
    async round() {
      const [encrypt, decrypt] = await exchange(from, to, false);
      const [encryptStored, decryptStored] = await exchange(from, to, true);
      return { encrypt, decrypt, "encrypt+store": encryptStored, "decrypt+store": decryptStored };
    },
  }));
  return sideBySide(contenders, rounds * messageRoundsPerRound);
}

async function exchange(from: Talker, to: Talker, stores: boolean): Promise<readonly [Taken, Taken]> {
  from.stores = to.stores = stores;
  const [encrypt, sent] = await timed(messagesPerRound, () => from.encrypt(payload, messagesPerRound));
  const [decrypt] = await timed(messagesPerRound, () => to.decrypt(sent, payload));
  return [encrypt, decrypt];
}

export async function pairs(libraries: readonly TalkLibrary[]) {
  return Promise.all(
    libraries.map(async (library) => ({ name: library.name, talkers: await library.pair() })),
  );
}

/** Two members in the room, each of whom has committed once since. */
export async function joinedPair(library: GroupLibrary, room: Room): Promise<readonly [Member, Member]> {
  const newcomers = [await library.newcomer("alice"), await library.newcomer("bob")] as const;
  const welcome = room.add(newcomers);
  const [alice, bob] = [await newcomers[0].join(welcome), await newcomers[1].join(welcome)];
  await bob.process(await alice.commit());
  await alice.process(await bob.commit());
  return [alice, bob];
}

/** Two members commit in turn, and each follows the other. */
export function commits(
  ends: readonly { readonly name: string; readonly members: readonly [Member, Member] }[],
  rounds: number,
): Promise<Comparison> {
  const contenders = ends.map(({ name, members: [alice, bob] }): Contender => ({
    name,
    async round() {
      const [create, commit] = await timed(1, () => alice.commit());
      const [process] = await timed(1, () => bob.process(commit));
      await alice.process(await bob.commit());
      return { "commit create": create, "commit process": process };
    },
  }));
  return sideBySide(contenders, rounds);
}

export async function joins(
  libraries: readonly GroupLibrary[],
  room: Room,
  rounds: number,
): Promise<Comparison> {
  const contenders = await Promise.all(
    libraries.map(async (library): Promise<Contender> => {
      const newcomer: Newcomer = await library.newcomer("newcomer");
      const welcome = room.add([newcomer]);
      return {
        name: library.name,
        async round() {
          const [join] = await timed(1, () => newcomer.join(welcome));
          return { join };
        },
      };
    }),
  );
  return sideBySide(contenders, rounds);
}

export interface Written {
  /** Bytes to be stored for a sender's first message of an epoch, and for each one after it. */
  readonly encryptFirst: number;
  readonly encrypt: number;
  readonly decryptFirst: number;
  readonly decrypt: number;
}

/** Between two who have not spoken in this epoch yet. */
export async function written([from, to]: readonly [Talker, Talker]): Promise<Written> {
  from.stores = to.stores = true;
  const step = async () => {
    from.written = to.written = 0;
    await to.decrypt(await from.encrypt(payload, 1), payload);
    return [from.written, to.written] as const;
  };
  const [first, second] = [await step(), await step()];
  from.stores = to.stores = false;
  return { encryptFirst: first[0], decryptFirst: first[1], encrypt: second[0], decrypt: second[1] };
}

export interface SuiteFigures {
  suite: number;
  /** By what was measured. */
  speed: Record<string, Comparison>;
  /** By how many members there are, by library. */
  written: Record<string, Record<string, Written>>;
}
