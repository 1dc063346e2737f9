/** Rooms on the simulation's stub. */
import type { Clock, RandomSource } from "@fedchat/protocol";
import { nodePrimitives as primitives } from "@fedchat/protocol/primitives/node";
import { StubRoomCrypto } from "../../../test/simulation/stub-room.ts";
import { UsedKeys } from "../../../test/simulation/used-keys.ts";
import { vouchesFor } from "../src/core/credentials.ts";
import { clock } from "./room-world.ts";

const veil = { put: (bytes: Uint8Array) => bytes, lift: (bytes: Uint8Array) => bytes };

export function stubRooms(
  random: RandomSource,
  used = new UsedKeys(),
  time: Pick<Clock, "now"> = clock,
): StubRoomCrypto {
  return new StubRoomCrypto({ used, veil, random, clock: time, primitives, vouches: vouchesFor(primitives) });
}
