/**
 * For stories in which nobody opens a room of many: key packages that nobody fetches, without the work of real ones.
 * Anything else is a mistake of the story.
 */
import type { RandomSource } from "@fedchat/protocol";
import type { NewKeyPackage } from "../../packages/engine/src/mls/group-crypto.ts";
import type { RoomCrypto } from "../../packages/engine/src/mls/room-crypto.ts";

export class NoRooms implements RoomCrypto {
  readonly #random: RandomSource;

  constructor(random: RandomSource) {
    this.#random = random;
  }

  createKeyPackage(): NewKeyPackage {
    const reference = this.#random.bytes(32);
    return { keyPackage: reference, privatePart: this.#random.bytes(32), reference };
  }

  readonly inspectKeyPackage = none;
  readonly create = none;
  readonly commit = none;
  readonly accept = none;
  readonly leave = none;
  readonly welcomeReferences = none;
  readonly join = none;
  readonly joinByItself = none;
  readonly encrypt = none;
  readonly receive = none;
  /** Nothing is a message of a room of many. */
  readonly header = (): undefined => undefined;
  readonly room = none;
  readonly members = none;
  readonly suite = none;
  readonly groupId = none;
  readonly epoch = none;
  readonly access = none;
  readonly epochForLog = none;
  readonly epochAuthenticator = none;
  readonly changes = none;
  readonly restore = none;
  readonly erase = none;
}

function none(): never {
  throw new Error("assertion: there are no rooms of many in this story");
}
