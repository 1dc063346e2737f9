/** @fedchat/mls with one of its backends. */
import * as mls from "@fedchat/mls";
import type { GroupLibrary, Member, Newcomer } from "./library.ts";

/** Credentials are names here, and everyone may come in. */
const policy = mls.policy({ acceptsCredential: () => true, acceptsExternalCommit: () => true });

/** What a platform gives @fedchat/mls. */
export interface Backend {
  readonly primitives: mls.Primitives;
  readonly random: mls.RandomSource;
}

export function environment({ primitives, random }: Backend): mls.Environment {
  return { primitives, random, now: Date.now(), policy };
}

export function identityOf(name: string, random: mls.RandomSource): mls.Identity {
  const credential = { type: "basic", identity: new TextEncoder().encode(name) } as const;
  return {
    credential,
    signaturePrivateKey: random.bytes(32),
    capabilities: mls.ownCapabilities(random, credential),
    extensions: [],
  };
}

export function keyPackageOf(name: string, cipherSuite: number, env: mls.Environment): mls.OwnKeyPackage {
  const now = BigInt(Math.floor(Date.now() / 1000));
  const lifetime = { notBefore: now - 3_600n, notAfter: now + 86_400n };
  return done(
    mls.createKeyPackage({ cipherSuite, identity: identityOf(name, env.random), lifetime }, env),
    "key-package",
  );
}

/** Takes the outcome that is expected here. */
export function done<O extends { kind: string }, K extends O["kind"]>(
  outcome: O,
  kind: K,
): Extract<O, { kind: K }> {
  if (outcome.kind !== kind) throw new Error(`wanted ${kind}: ${JSON.stringify(outcome)}`);
  return outcome as Extract<O, { kind: K }>;
}

export function ours(cipherSuite: number, backend: Backend): GroupLibrary {
  const env = environment(backend);
  return {
    name: backend.primitives.name,
    async pair() {
      const [alice, bob] = [keyPackageOf("alice", cipherSuite, env), keyPackageOf("bob", cipherSuite, env)];
      const { state } = done(mls.createGroup(alice, { groupId: env.random.bytes(32) }, env), "created");
      const proposals = [{ type: "add", keyPackage: bob.keyPackage } as const];
      const added = done(mls.commit(state, { proposals }, env), "committed");
      const joined = done(mls.join({ welcome: added.welcome!, keyPackages: [bob] }, env), "joined");
      return [new OurMember(env, added.next), new OurMember(env, joined.state)] as const;
    },
    newcomer: (name) => Promise.resolve(new OurNewcomer(env, keyPackageOf(name, cipherSuite, env))),
  };
}

class OurNewcomer implements Newcomer {
  readonly #env: mls.Environment;
  readonly #own: mls.OwnKeyPackage;

  constructor(env: mls.Environment, own: mls.OwnKeyPackage) {
    this.#env = env;
    this.#own = own;
  }

  get keyPackage(): Uint8Array {
    return mls.encodeMessage({ wireFormat: "key_package", keyPackage: this.#own.keyPackage });
  }

  async join(welcome: Uint8Array): Promise<Member> {
    const { state } = done(mls.join({ welcome, keyPackages: [this.#own] }, this.#env), "joined");
    return new OurMember(this.#env, state);
  }
}

class OurMember implements Member {
  stores = false;
  written = 0;
  readonly #env: mls.Environment;
  #state: mls.GroupState;

  constructor(env: mls.Environment, state: mls.GroupState) {
    this.#env = env;
    this.#state = state;
  }

  async encrypt(payload: Uint8Array, times: number): Promise<Uint8Array[]> {
    const messages: Uint8Array[] = [];
    for (let count = 0; count < times; count += 1) {
      const sent = done(mls.encrypt(this.#state, { data: payload }, this.#env), "encrypted");
      this.#take(sent.state);
      messages.push(sent.message);
    }
    return messages;
  }

  async decrypt(messages: readonly Uint8Array[], payload: Uint8Array): Promise<void> {
    for (const message of messages) {
      const received = done(mls.receive(this.#state, message, this.#env), "application");
      this.#take(received.state);
      if (received.data.length !== payload.length) throw new Error("another message than the one sent");
    }
  }

  async commit(): Promise<Uint8Array> {
    const { commit, next } = done(mls.commit(this.#state, {}, this.#env), "committed");
    this.#take(next);
    return commit;
  }

  async process(commit: Uint8Array): Promise<void> {
    this.#take(done(mls.receive(this.#state, commit, this.#env), "commit").state);
  }

  #take(after: mls.GroupState): void {
    const before = this.#state;
    if (this.stores) {
      for (const [key, bytes] of mls.recordChanges(before, after).put)
        this.written += key.length + bytes.length;
    }
    this.#state = after;
    mls.eraseFormer(before, after);
  }
}
