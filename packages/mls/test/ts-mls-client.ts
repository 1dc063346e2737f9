/** A client of the library ts-mls, behind the few verbs that a mixed group needs. It reads the real clock itself. */
import {
  acceptAll,
  type ClientState,
  type CiphersuiteImpl,
  createApplicationMessage,
  createCommit,
  createGroup,
  decodeMlsMessage,
  defaultCapabilities,
  emptyPskIndex,
  encodeMlsMessage,
  generateKeyPackage,
  joinGroup,
  type KeyPackage,
  type MLSMessage,
  type PrivateKeyPackage,
  processMessage,
  type Proposal,
} from "ts-mls";
import { hex } from "./vectors.ts";

function decoded(bytes: Uint8Array): MLSMessage {
  const read = decodeMlsMessage(bytes, 0);
  if (read === undefined) throw new Error("ts-mls cannot read our message");
  return read[0];
}

export class TsMlsClient {
  readonly name: string;
  readonly #suite: CiphersuiteImpl;
  readonly #keyPackage: KeyPackage;
  readonly #privateKeys: PrivateKeyPackage;
  #state: ClientState | undefined;

  private constructor(
    name: string,
    suite: CiphersuiteImpl,
    publicPackage: KeyPackage,
    own: PrivateKeyPackage,
  ) {
    this.name = name;
    this.#suite = suite;
    this.#keyPackage = publicPackage;
    this.#privateKeys = own;
  }

  static async make(name: string, suite: CiphersuiteImpl, nowMs: number): Promise<TsMlsClient> {
    const now = BigInt(Math.floor(nowMs / 1000));
    const lifetime = { notBefore: now - 3600n, notAfter: now + 86_400n };
    const credential = { credentialType: "basic", identity: new TextEncoder().encode(name) } as const;
    const made = await generateKeyPackage(credential, defaultCapabilities(), lifetime, [], suite);
    return new TsMlsClient(name, suite, made.publicPackage, made.privatePackage);
  }

  get state(): ClientState {
    if (this.#state === undefined) throw new Error("not in the group");
    return this.#state;
  }

  get ownLeaf(): number {
    return this.state.privatePath.leafIndex;
  }

  get authenticator(): string {
    return hex(this.state.keySchedule.epochAuthenticator);
  }

  keyPackageMessage(): Uint8Array {
    return encodeMlsMessage({
      version: "mls10",
      wireformat: "mls_key_package",
      keyPackage: this.#keyPackage,
    });
  }

  async create(groupId: Uint8Array): Promise<void> {
    this.#state = await createGroup(groupId, this.#keyPackage, this.#privateKeys, [], this.#suite);
  }

  async join(welcome: Uint8Array): Promise<void> {
    const message = decoded(welcome);
    if (message.wireformat !== "mls_welcome") throw new Error("not a Welcome");
    this.#state = await joinGroup(
      message.welcome,
      this.#keyPackage,
      this.#privateKeys,
      emptyPskIndex,
      this.#suite,
    );
  }

  /** Commits at once: in these tests nobody races. */
  async commit(change: { add?: Uint8Array; remove?: number; isPublic?: boolean }) {
    const extraProposals: Proposal[] = [];
    if (change.add !== undefined) {
      const message = decoded(change.add);
      if (message.wireformat !== "mls_key_package") throw new Error("not a key package");
      extraProposals.push({ proposalType: "add", add: { keyPackage: message.keyPackage } });
    }
    if (change.remove !== undefined) {
      extraProposals.push({ proposalType: "remove", remove: { removed: change.remove } });
    }
    const options = {
      extraProposals,
      ratchetTreeExtension: true,
      wireAsPublicMessage: change.isPublic === true,
    };
    const result = await createCommit({ state: this.state, cipherSuite: this.#suite }, options);
    this.#state = result.newState;
    const { welcome } = result;
    return {
      commit: encodeMlsMessage(result.commit),
      welcome: welcome && encodeMlsMessage({ version: "mls10", wireformat: "mls_welcome", welcome }),
    };
  }

  async send(text: string): Promise<Uint8Array> {
    const sent = await createApplicationMessage(this.state, new TextEncoder().encode(text), this.#suite);
    this.#state = sent.newState;
    const { privateMessage } = sent;
    return encodeMlsMessage({ version: "mls10", wireformat: "mls_private_message", privateMessage });
  }

  /** The text of application data; undefined for handshake messages. */
  async receive(bytes: Uint8Array): Promise<string | undefined> {
    const message = decoded(bytes);
    const isFramed =
      message.wireformat === "mls_private_message" || message.wireformat === "mls_public_message";
    if (!isFramed) throw new Error("not a framed message");
    const result = await processMessage(message, this.state, emptyPskIndex, acceptAll, this.#suite);
    this.#state = result.newState;
    return result.kind === "applicationMessage" ? new TextDecoder().decode(result.message) : undefined;
  }
}
