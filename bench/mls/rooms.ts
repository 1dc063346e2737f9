/**
 * Groups for the measured members to be in. Everybody else is of @fedchat/mls, whichever library is measured, so that
 * all see the same tree. Signatures are real; the same one is verified once for all whom this file makes.
 */
import * as mls from "@fedchat/mls";
import { type Backend, done, environment, identityOf, keyPackageOf } from "./ours.ts";
import type { Newcomer } from "./library.ts";

/**
 * fresh: the creator has added everybody in one Commit, and nobody else has committed; a Commit is encrypted to nearly
 * each leaf by itself · settled: everybody has committed since, so that every node of the tree has a key.
 */
export type TreeShape = "fresh" | "settled";

export class Room {
  readonly #env: mls.Environment;
  readonly #state: mls.GroupState;
  readonly #others: readonly mls.OwnKeyPackage[];

  private constructor(env: mls.Environment, state: mls.GroupState, others: readonly mls.OwnKeyPackage[]) {
    this.#env = env;
    this.#state = state;
    this.#others = others;
  }

  /** A room that has `members` once `newcomers` more are in it. */
  static of(
    shape: TreeShape,
    members: number,
    newcomers: number,
    suite: number,
    { primitives, random }: Backend,
  ): Room {
    const env = environment({ primitives: verifyingOnce(primitives), random });
    const groupId = random.bytes(32);
    const first = keyPackageOf("creator", suite, env);
    let { state } = done(mls.createGroup(first, { groupId }, env), "created");
    const others = members - newcomers - 1;
    if (shape === "fresh") {
      const added = Array.from({ length: others }, (_, n) => keyPackageOf(`member ${n}`, suite, env));
      return new Room(env, state, added);
    }
    // Whoever joins by an external Commit brings keys for all nodes above its leaf.
    for (let count = 0; count < others; count += 1) {
      const { message } = done(mls.groupInfo(state, { externalPub: true }, env), "group-info");
      const input = { groupInfo: message, identity: identityOf(`member ${count}`, random) };
      state = done(mls.joinExternally(input, env), "joined-externally").state;
    }
    return new Room(env, state, []);
  }

  /** The Welcome for these newcomers: they are the first ones added. */
  add(newcomers: readonly Newcomer[]): Uint8Array {
    const packages = newcomers.map(({ keyPackage }) => {
      const message = mls.decodeMessage(keyPackage);
      if (message.wireFormat !== "key_package") throw new Error("not a key package");
      return message.keyPackage;
    });
    const everybody = [...packages, ...this.#others.map((other) => other.keyPackage)];
    const proposals = everybody.map((keyPackage) => ({ type: "add", keyPackage }) as const);
    const { welcome } = done(mls.commit(this.#state, { proposals }, this.#env), "committed");
    return welcome!;
  }
}

function verifyingOnce(primitives: mls.Primitives): mls.Primitives {
  const known = new Map<string, boolean>();
  const { ed25519 } = primitives;
  return {
    ...primitives,
    ed25519: {
      ...ed25519,
      verify(publicKey, message, signature) {
        const key = String.fromCharCode(...publicKey, ...primitives.hash("sha256", message), ...signature);
        const valid = known.get(key) ?? ed25519.verify(publicKey, message, signature);
        known.set(key, valid);
        return valid;
      },
    },
  };
}
