/**
 * Clients of core-crypto, any number in one page, each with a database of its own in IndexedDB. Whoever drives the page
 * carries their messages; octets go in and out as hexadecimal.
 */
import {
  type CipherSuite,
  ClientId,
  type CommitBundle,
  ConversationId,
  CoreCrypto,
  type CoreCryptoContext,
  Credential,
  type CredentialRef,
  Database,
  DatabaseKey,
  DecryptedMessage,
  DeviceId,
  GroupInfo,
  initWasmModule,
  KeyPackage,
  type MlsTransport,
  MlsTransportError,
  Uuid,
  version,
  Welcome,
} from "@wireapp/core-crypto/browser";
import { hex, unhex } from "../../../packages/mls/test/vectors.ts";

/** What goes to the others when a client commits. */
export interface SentCommit {
  readonly commit: string;
  readonly welcome: string | undefined;
  readonly groupInfo: string;
}

export type Received =
  | { readonly kind: "application"; readonly text: string; readonly sender: string }
  | { readonly kind: "commit"; readonly isMember: boolean }
  | { readonly kind: "proposal" };

export interface CoreCryptoPage {
  version(): Promise<string>;
  start(name: string, suite: number): Promise<void>;
  keyPackage(name: string): Promise<string>;
  create(name: string, group: string): Promise<void>;
  add(name: string, group: string, keyPackages: readonly string[]): Promise<SentCommit>;
  remove(name: string, group: string, names: readonly string[]): Promise<SentCommit>;
  update(name: string, group: string): Promise<SentCommit>;
  commitPending(name: string, group: string): Promise<SentCommit>;
  /** A Commit that the delivery service does not take, because another one was first. */
  updateInVain(name: string, group: string): Promise<SentCommit>;
  /** Resolves to the group's id. */
  join(name: string, welcome: string): Promise<string>;
  joinExternally(name: string, groupInfo: string): Promise<SentCommit & { readonly group: string }>;
  /** Forgets the group, as after a loss. */
  forget(name: string, group: string): Promise<void>;
  encrypt(name: string, group: string, text: string): Promise<string>;
  receive(name: string, group: string, message: string): Promise<Received>;
  /** MLS-Exporter with the label "exporter" and an empty context. */
  exported(name: string, group: string, length: number): Promise<string>;
}

/** Holds what core-crypto hands out to be sent. Whether it was accepted, core-crypto learns before it goes on. */
class Outgoing implements MlsTransport {
  accepts = true;
  #last: SentCommit | undefined;

  async sendCommitBundle(bundle: CommitBundle): Promise<void> {
    this.#last = {
      commit: hex(bundle.commit),
      welcome: bundle.welcome && hex(bundle.welcome.serialize()),
      groupInfo: hex(bundle.groupInfo.payload),
    };
    if (!this.accepts) throw new MlsTransportError.MessageRejected({ reason: "another Commit was first" });
  }

  async prepareForTransport(): Promise<Uint8Array> {
    throw new Error("no history is shared here");
  }

  take(): SentCommit {
    const last = this.#last;
    if (last === undefined) throw new Error("core-crypto sent no Commit");
    this.#last = undefined;
    return last;
  }
}

interface Client {
  readonly core: CoreCrypto;
  readonly credential: CredentialRef;
  readonly outgoing: Outgoing;
}

const clients = new Map<string, Client>();

function clientOf(name: string): Client {
  const client = clients.get(name);
  if (client === undefined) throw new Error(`no client ${name}`);
  return client;
}

/** Names are `uuid:device@domain`, the device in hexadecimal: the only identities that core-crypto takes. */
function idOf(name: string): ClientId {
  const [, user, device, domain] = /^(.*):([0-9a-f]+)@(.*)$/.exec(name) ?? [];
  if (user === undefined) throw new Error(`no name for core-crypto: ${name}`);
  return new ClientId(new Uuid(user), new DeviceId(BigInt(`0x${device}`)), domain!);
}

const groupOf = (group: string) => new ConversationId(unhex(group));

async function sent(
  name: string,
  run: (context: CoreCryptoContext) => Promise<unknown>,
): Promise<SentCommit> {
  const { core, outgoing } = clientOf(name);
  await core.transaction(run);
  return outgoing.take();
}

const page: CoreCryptoPage = {
  version: async () => version(),

  async start(name, suite) {
    const id = idOf(name);
    const database = await Database.open(name, new DatabaseKey(crypto.getRandomValues(new Uint8Array(32))));
    const core = CoreCrypto.new(database);
    const outgoing = new Outgoing();
    const credential = await core.transaction(async (context) => {
      await context.mlsInit(id, outgoing);
      return context.addCredential(Credential.basic(suite as CipherSuite, id));
    });
    clients.set(name, { core, credential, outgoing });
  },

  async keyPackage(name) {
    const { core, credential } = clientOf(name);
    const made = await core.transaction((context) => context.generateKeyPackage(credential));
    return hex(made.serialize());
  },

  async create(name, group) {
    const { core, credential } = clientOf(name);
    await core.transaction((context) => context.createConversation(groupOf(group), credential));
  },

  add: (name, group, keyPackages) => {
    const packages = keyPackages.map((bytes) => new KeyPackage(unhex(bytes)));
    return sent(name, (context) => context.addClientsToConversation(groupOf(group), packages));
  },

  remove: (name, group, names) =>
    sent(name, (context) => context.removeClientsFromConversation(groupOf(group), names.map(idOf))),

  update: (name, group) => sent(name, (context) => context.updateKeyingMaterial(groupOf(group))),

  commitPending: (name, group) => sent(name, (context) => context.commitPendingProposals(groupOf(group))),

  async updateInVain(name, group) {
    const { core, outgoing } = clientOf(name);
    outgoing.accepts = false;
    const failure = await core
      .transaction((context) => context.updateKeyingMaterial(groupOf(group)))
      .then(() => undefined, String);
    outgoing.accepts = true;
    if (failure === undefined) throw new Error("core-crypto took its Commit for accepted");
    return outgoing.take();
  },

  async join(name, welcome) {
    const { core } = clientOf(name);
    const message = new Welcome(unhex(welcome));
    return hex((await core.transaction((context) => context.processWelcomeMessage(message))).copyBytes());
  },

  async joinExternally(name, groupInfo) {
    const { core, credential, outgoing } = clientOf(name);
    const info = new GroupInfo(unhex(groupInfo));
    const id = await core.transaction((context) => context.joinByExternalCommit(info, credential));
    return { ...outgoing.take(), group: hex(id.copyBytes()) };
  },

  async forget(name, group) {
    await clientOf(name).core.transaction((context) => context.wipeConversation(groupOf(group)));
  },

  async encrypt(name, group, text) {
    const bytes = new TextEncoder().encode(text);
    const { core } = clientOf(name);
    return hex(await core.transaction((context) => context.encryptMessage(groupOf(group), bytes)));
  },

  async receive(name, group, message) {
    const { core } = clientOf(name);
    const got = await core.transaction((context) => context.decryptMessage(groupOf(group), unhex(message)));
    if (DecryptedMessage.Commit.instanceOf(got)) return { kind: "commit", isMember: got.inner.isActive };
    if (!DecryptedMessage.Text.instanceOf(got)) return { kind: "proposal" };
    const decoder = new TextDecoder();
    const sender = decoder.decode(got.inner.senderClientId.copyBytes());
    return { kind: "application", text: decoder.decode(got.inner.plaintext), sender };
  },

  async exported(name, group, length) {
    const { core } = clientOf(name);
    const key = await core.transaction((context) => context.exportSecretKey(groupOf(group), length));
    return hex(key.copyBytes());
  },
};

await initWasmModule("/core-crypto.wasm");
Object.assign(globalThis, { coreCryptoPage: page });
