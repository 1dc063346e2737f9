/**
 * The groups of a run's engines: a stub without cryptography, which costs little and keeps books, or the real ones,
 * whose randomness and clock are the simulation's, so that a seed replays them too. Either way no key may seal two
 * messages that leave a machine.
 */
import { sodiumPrimitives, type GroupState as MlsState } from "@fedchat/mls";
import { nodePrimitives as nodeMlsPrimitives, withNativeSodium } from "@fedchat/mls/node";
import type { Clock, Primitives, RandomSource } from "@fedchat/protocol";
import { createHash } from "node:crypto";
import type { GroupState } from "../../packages/engine/src/mls/group-records.ts";
import { MlsRoomCrypto, type MlsRoomPorts } from "../../packages/engine/src/mls/mls-room.ts";
import type { RoomCrypto } from "../../packages/engine/src/mls/room-crypto.ts";
import { StubRoomCrypto, type Veiling } from "./stub-room.ts";
import { Veil } from "./veil.ts";
import type { Violations } from "./violations.ts";
import { WatchedKeys } from "./violations.ts";

/** For one engine, as long as it runs. */
interface EnginePorts {
  random: RandomSource;
  clock: Pick<Clock, "now">;
}

/** One for a whole run. */
export interface GroupKind {
  crypto(ports: EnginePorts): RoomCrypto;
  /** These bytes leave an engine as a room's message, or for its log. */
  left(message: Uint8Array): void;
}

/** Wrong groups in the place of right ones. */
export interface StubMutation {
  groups?: (groups: RoomCrypto) => RoomCrypto;
  /** What is written leaves as it is. */
  unveiled?: boolean;
}

interface StubGroupsPorts {
  violations: Violations;
  /** For the veil. */
  random: RandomSource;
  primitives: Primitives;
  vouches: MlsRoomPorts["vouches"];
  mutation: StubMutation;
}

export function stubGroups({
  violations,
  random,
  primitives,
  vouches,
  mutation,
}: StubGroupsPorts): GroupKind {
  const used = new WatchedKeys(violations);
  const { groups: wrap = (stub) => stub, unveiled = false } = mutation;
  const stubPorts = { used, veil: unveiled ? noVeil : new Veil(random.bytes(16)), primitives, vouches };
  const watching = new StubRoomCrypto({ ...stubPorts, random, clock: { now: () => 0 } });
  return {
    crypto: (ports) => wrap(new StubRoomCrypto({ ...stubPorts, ...ports })),
    left: (message) => watching.left(message),
  };
}

const noVeil: Veiling = { put: (bytes) => bytes, lift: (bytes) => bytes };

const portable = nodeMlsPrimitives(await sodiumPrimitives());
const fastest = withNativeSodium(portable);

/**
 * @param vouches whether a credential is one of this run's device certificates, with this key
 * @param options.native whether native libsodium is used where it is installed; a seed's trace is the same without
 */
export function realGroups(
  violations: Pick<Violations, "add">,
  vouches: MlsRoomPorts["vouches"],
  { native, protocolPrimitives }: { readonly native: boolean; readonly protocolPrimitives: Primitives },
): GroupKind {
  const primitives = native ? fastest : portable;
  const keyOfMessage = new Map<string, string>();
  const messageOfKey = new Map<string, string>();
  return {
    crypto(ports) {
      const crypto = new MlsRoomCrypto({ primitives, protocolPrimitives, vouches, ...ports });
      const encrypt = crypto.encrypt.bind(crypto);
      crypto.encrypt = (state, plaintext, authenticatedData) => {
        const sealed = encrypt(state, plaintext, authenticatedData);
        keyOfMessage.set(digest(sealed.message), nextKeyOf(crypto, state, "application"));
        return sealed;
      };
      const commit = crypto.commit.bind(crypto);
      crypto.commit = (state, args) => {
        const made = commit(state, args);
        if (made.kind === "committed")
          keyOfMessage.set(digest(made.message), nextKeyOf(crypto, state, "handshake"));
        return made;
      };
      const leave = crypto.leave.bind(crypto);
      crypto.leave = (state) => {
        const made = leave(state);
        if (made.kind === "proposed")
          keyOfMessage.set(digest(made.message), nextKeyOf(crypto, state, "handshake"));
        return made;
      };
      return crypto;
    },
    left(message) {
      const leaving = digest(message);
      const key = keyOfMessage.get(leaving);
      if (key === undefined) return violations.add("an engine sent a room's message that no group had made");
      const earlier = messageOfKey.get(key);
      if (earlier !== undefined && earlier !== leaving) violations.add(`a key was used twice: ${key}`);
      messageOfKey.set(key, leaving);
    },
  };
}

/** What the key is known by that the next message from this state uses. */
function nextKeyOf(
  crypto: Pick<RoomCrypto, "epochAuthenticator">,
  state: GroupState,
  ratchet: "application" | "handshake",
): string {
  const { ownLeaf, messageKeys } = state as unknown as MlsState;
  const generation = messageKeys.senders[ownLeaf]?.[ratchet].generation ?? 0;
  const epoch = Buffer.from(crypto.epochAuthenticator(state)).toString("hex");
  return `${epoch}/${ownLeaf}/${ratchet}/${generation}`;
}

function digest(bytes: Uint8Array): string {
  return createHash("sha256").update(bytes).digest("base64");
}
