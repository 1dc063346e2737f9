/** ts-mls 1.6.4 as its documentation has it used: its default provider, which is WebCrypto's. It stores whole states. */
import {
  acceptAll,
  type CiphersuiteImpl,
  type CiphersuiteName,
  type ClientState,
  createApplicationMessage,
  createCommit,
  createGroup,
  decodeMlsMessage,
  defaultCapabilities,
  emptyPskIndex,
  encodeGroupState,
  encodeMlsMessage,
  generateKeyPackage,
  getCiphersuiteFromName,
  getCiphersuiteImpl,
  joinGroup,
  type KeyPackage,
  type MLSMessage,
  type PrivateKeyPackage,
  processMessage,
} from "ts-mls";
import type { GroupLibrary, Member, Newcomer } from "./library.ts";

export async function tsMls(suiteName: CiphersuiteName): Promise<GroupLibrary> {
  const suite = await getCiphersuiteImpl(getCiphersuiteFromName(suiteName));
  const newcomer = (name: string) => TsMlsNewcomer.make(suite, name);
  return {
    name: "ts-mls",
    newcomer,
    async pair() {
      const [alice, bob] = [await newcomer("alice"), await newcomer("bob")];
      const created = await alice.create(crypto.getRandomValues(new Uint8Array(32)));
      const [member, welcome] = await TsMlsMember.adding(suite, created, bob.published);
      return [member, await bob.join(welcome)] as const;
    },
  };
}

class TsMlsNewcomer implements Newcomer {
  readonly published: KeyPackage;
  readonly #suite: CiphersuiteImpl;
  readonly #own: PrivateKeyPackage;

  private constructor(suite: CiphersuiteImpl, published: KeyPackage, own: PrivateKeyPackage) {
    this.#suite = suite;
    this.published = published;
    this.#own = own;
  }

  static async make(suite: CiphersuiteImpl, name: string): Promise<TsMlsNewcomer> {
    const now = BigInt(Math.floor(Date.now() / 1000));
    const lifetime = { notBefore: now - 3_600n, notAfter: now + 86_400n };
    const credential = { credentialType: "basic", identity: new TextEncoder().encode(name) } as const;
    const made = await generateKeyPackage(credential, defaultCapabilities(), lifetime, [], suite);
    return new TsMlsNewcomer(suite, made.publicPackage, made.privatePackage);
  }

  get keyPackage(): Uint8Array {
    return encodeMlsMessage({ version: "mls10", wireformat: "mls_key_package", keyPackage: this.published });
  }

  create(groupId: Uint8Array): Promise<ClientState> {
    return createGroup(groupId, this.published, this.#own, [], this.#suite);
  }

  async join(welcome: Uint8Array): Promise<Member> {
    const message = decoded(welcome);
    if (message.wireformat !== "mls_welcome") throw new Error("not a Welcome");
    const state = await joinGroup(message.welcome, this.published, this.#own, emptyPskIndex, this.#suite);
    return new TsMlsMember(this.#suite, state);
  }
}

class TsMlsMember implements Member {
  stores = false;
  written = 0;
  readonly #suite: CiphersuiteImpl;
  #state: ClientState;

  constructor(suite: CiphersuiteImpl, state: ClientState) {
    this.#suite = suite;
    this.#state = state;
  }

  static async adding(
    suite: CiphersuiteImpl,
    state: ClientState,
    keyPackage: KeyPackage,
  ): Promise<readonly [Member, Uint8Array]> {
    const extraProposals = [{ proposalType: "add", add: { keyPackage } } as const];
    const made = await createCommit(
      { state, cipherSuite: suite },
      { extraProposals, ratchetTreeExtension: true },
    );
    const { newState, welcome } = made;
    if (welcome === undefined) throw new Error("no Welcome");
    const message = encodeMlsMessage({ version: "mls10", wireformat: "mls_welcome", welcome });
    return [new TsMlsMember(suite, newState), message];
  }

  async encrypt(payload: Uint8Array, times: number): Promise<Uint8Array[]> {
    const messages: Uint8Array[] = [];
    for (let count = 0; count < times; count += 1) {
      const sent = await createApplicationMessage(this.#state, payload, this.#suite);
      this.#take(sent.newState, sent.consumed);
      const { privateMessage } = sent;
      messages.push(
        encodeMlsMessage({ version: "mls10", wireformat: "mls_private_message", privateMessage }),
      );
    }
    return messages;
  }

  async decrypt(messages: readonly Uint8Array[], payload: Uint8Array): Promise<void> {
    for (const message of messages) {
      const received = await this.#process(message);
      if (received?.length !== payload.length) throw new Error("another message than the one sent");
    }
  }

  async commit(): Promise<Uint8Array> {
    const made = await createCommit({ state: this.#state, cipherSuite: this.#suite });
    this.#take(made.newState, made.consumed);
    return encodeMlsMessage(made.commit);
  }

  async process(commit: Uint8Array): Promise<void> {
    await this.#process(commit);
  }

  async #process(bytes: Uint8Array): Promise<Uint8Array | undefined> {
    const message = decoded(bytes);
    if (message.wireformat !== "mls_private_message") throw new Error("not a private message");
    const result = await processMessage(message, this.#state, emptyPskIndex, acceptAll, this.#suite);
    this.#take(result.newState, result.consumed);
    return result.kind === "applicationMessage" ? result.message : undefined;
  }

  #take(after: ClientState, consumed: readonly Uint8Array[]): void {
    if (this.stores) this.written += encodeGroupState(after).length;
    for (const secret of consumed) secret.fill(0);
    this.#state = after;
  }
}

function decoded(bytes: Uint8Array): MLSMessage {
  const read = decodeMlsMessage(bytes, 0);
  if (read === undefined) throw new Error("ts-mls cannot read this");
  return read[0];
}
