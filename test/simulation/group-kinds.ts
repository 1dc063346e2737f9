/**
 * The groups of a run's engines: a stub without cryptography, which costs little and keeps books, or the real ones,
 * whose randomness and clock are the simulation's, so that a seed replays them too. Either way no key may seal two
 * messages that leave a machine.
 */
import { sodiumPrimitives, type GroupState as MlsState } from "@fedchat/mls";
import { nodePrimitives as nodeMlsPrimitives, withNativeSodium } from "@fedchat/mls/node";
import type { Clock, RandomSource } from "@fedchat/protocol";
import { createHash } from "node:crypto";
import type { GroupCrypto, GroupState } from "../../packages/engine/src/mls/group-crypto.ts";
import { MlsGroupCrypto, type MlsGroupPorts } from "../../packages/engine/src/mls/mls-group.ts";
import { StubGroupCrypto } from "./stub-group.ts";
import { Veil, veiled } from "./veiled-group.ts";
import type { Violations } from "./violations.ts";
import { WatchedLedger } from "./violations.ts";

/** One for a whole run. */
export interface GroupKind {
  /** For one engine, as long as it runs. */
  crypto(ports: { random: RandomSource; clock: Pick<Clock, "now"> }): GroupCrypto;
  /** These bytes leave an engine as a room's message. */
  left(message: Uint8Array): void;
}

/** @param wrap what an engine gets of its stub */
export function stubGroups(
  violations: Violations,
  random: RandomSource,
  wrap: (stub: GroupCrypto, veil: Veil) => GroupCrypto = veiled,
): GroupKind {
  const ledger = new WatchedLedger(violations);
  const veil = new Veil(random.bytes(16));
  return {
    crypto(ports) {
      const stub = new StubGroupCrypto({ ledger, ...ports });
      return wrap(stub, veil);
    },
    left: (message) => ledger.left(veil.lift(message)),
  };
}

const portable = nodeMlsPrimitives(await sodiumPrimitives());
const fastest = withNativeSodium(portable);

/**
 * @param vouches whether a credential is one of this run's device certificates, with this key
 * @param options.native whether native libsodium is used where it is installed; a seed's trace is the same without
 */
export function realGroups(
  violations: Pick<Violations, "add">,
  vouches: MlsGroupPorts["vouches"],
  { native }: { readonly native: boolean } = { native: true },
): GroupKind {
  const primitives = native ? fastest : portable;
  const keyOfMessage = new Map<string, string>();
  const messageOfKey = new Map<string, string>();
  return {
    crypto(ports) {
      const crypto = new MlsGroupCrypto({ primitives, vouches, ...ports });
      const encrypt = crypto.encrypt.bind(crypto);
      crypto.encrypt = (state, plaintext, authenticatedData) => {
        const sealed = encrypt(state, plaintext, authenticatedData);
        keyOfMessage.set(digest(sealed.message), nextKeyOf(crypto, state));
        return sealed;
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
function nextKeyOf(crypto: GroupCrypto, state: GroupState): string {
  const { ownLeaf, messageKeys } = state as unknown as MlsState;
  const generation = messageKeys.senders[ownLeaf]?.application.generation ?? 0;
  return `${Buffer.from(crypto.epochAuthenticator(state)).toString("hex")}/${ownLeaf}/${generation}`;
}

function digest(bytes: Uint8Array): string {
  return createHash("sha256").update(bytes).digest("base64");
}
