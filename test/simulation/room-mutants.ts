/** Parts that are wrong about rooms of many in one way each, for the checkers of their stories to notice. */
import type { RoomCrypto } from "../../packages/engine/src/mls/room-crypto.ts";
import type { Database } from "../../packages/engine/src/store/database.ts";
import type { Mutant } from "./mutants.ts";
import { roomStory } from "./room-story.ts";
import type { Mutation } from "./surroundings.ts";

const restWithinMs = 600_000;
const apart = /is at epoch|another group|another room|does not come to rest|never got|believes/;
const lost = /never got|only by asking/;

async function inARoom(seed: number, mutation: Mutation): Promise<string[]> {
  return (await roomStory({ seed, mutation, deeds: 50, restWithinMs })).wrong;
}

export const roomMutants: Mutant[] = [
  {
    name: "an engine that takes its own Commit for granted before the log has it",
    shows: apart,
    mutation: { groups: (rooms) => goingAhead(rooms) },
    tell: inARoom,
  },
  {
    name: "an engine that stays in the epoch that its own Commit ended",
    shows: apart,
    mutation: {
      groups: (rooms) => Object.assign(rooms, { accept: ((current) => current) as RoomCrypto["accept"] }),
    },
    tell: inARoom,
  },
  {
    name: "an engine that passes over how it was removed",
    seed: 4,
    shows: /believes to be in the room/,
    mutation: { groups: (rooms) => notRemoved(rooms) },
    tell: inARoom,
  },
  {
    name: "an engine that reads nothing of a former epoch",
    seed: 5,
    shows: lost,
    mutation: { groups: (rooms) => withoutLateMessages(rooms) },
    tell: inARoom,
  },
  {
    name: "an engine that lets go of what comes before its Commit",
    shows: lost,
    mutation: { database: (database) => without(database, /waitingMessages \(/) },
    tell: inARoom,
  },
  {
    name: "an engine that does not keep the state of a room which it sealed with",
    shows: /a key was used twice/,
    mutation: { groups: (rooms) => withoutProgress(rooms) },
    tell: inARoom,
  },
  {
    name: "an engine that sends to rooms in the clear",
    shows: /message's text/,
    mutation: { unveiled: true },
    tell: inARoom,
  },
  {
    name: "a homeserver that acknowledges what its disk loses",
    seed: 3,
    // Its log it has back from the copies.
    shows: /never got/,
    mutation: { syncEveryMs: 4_000 },
    tell: inARoom,
  },
];

function goingAhead(rooms: RoomCrypto): RoomCrypto {
  const commit = rooms.commit.bind(rooms);
  rooms.commit = (state, args) => {
    const made = commit(state, args);
    if (made.kind === "refused") return made;
    const copy = rooms.restore([...rooms.changes(undefined, made.next).put]);
    return { ...made, before: copy };
  };
  return rooms;
}

function notRemoved(rooms: RoomCrypto): RoomCrypto {
  const receive = rooms.receive.bind(rooms);
  rooms.receive = (state, message, logAt) => {
    const outcome = receive(state, message, logAt);
    return outcome.kind === "removed" ? { kind: "refused", rule: "mutant", reason: "not me" } : outcome;
  };
  return rooms;
}

function withoutLateMessages(rooms: RoomCrypto): RoomCrypto {
  const receive = rooms.receive.bind(rooms);
  rooms.receive = (state, message, logAt) => {
    const outcome = receive(state, message, logAt);
    const isLate = outcome.kind === "application" && outcome.epoch < rooms.epoch(state);
    return isLate ? { kind: "stale-epoch", epoch: outcome.epoch } : outcome;
  };
  return rooms;
}

function withoutProgress(rooms: RoomCrypto): RoomCrypto {
  const encrypt = rooms.encrypt.bind(rooms);
  rooms.encrypt = (state, plaintext, authenticatedData) => {
    const sealed = encrypt(state, plaintext, authenticatedData);
    return { ...sealed, state: rooms.restore([...rooms.changes(undefined, state).put]) };
  };
  return rooms;
}

/** A disk that says that it wrote what it did not. */
function without(database: Database, statement: RegExp): Database {
  const run = database.run.bind(database);
  database.run = (sql, ...values) => (statement.test(sql) ? { changes: 1 } : run(sql, ...values));
  return database;
}
