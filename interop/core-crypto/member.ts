/** A member of a mixed group, whoever implements it: what it takes in and gives out are the octets of RFC 9420. */
import { assert } from "vitest";
import {
  createGroup,
  decode,
  encode,
  exportSecret,
  keyPackageCodec,
  type LeafIndex,
  type LeafNode,
  members as leavesOf,
  type OwnKeyPackage,
  type Proposal,
} from "../../packages/mls/src/index.ts";
import { hex, unhex } from "../../packages/mls/test/vectors.ts";
import { type Client, remove, want, type World } from "../../packages/mls/test/world.ts";
import type { CoreCrypto } from "./core-crypto.ts";
import type { SentCommit } from "./page/main.ts";

/** A Commit that is in force where it was made. */
export interface Made {
  readonly commit: Uint8Array;
  readonly welcome?: Uint8Array | undefined;
  /** Of the new epoch, where it came with the Commit. */
  readonly groupInfo?: Uint8Array;
}

export interface Member {
  readonly kind: "ours" | "theirs";
  readonly name: string;
  create(groupId: Uint8Array): Promise<void>;
  /** A KeyPackage by itself, not in an MLSMessage: so core-crypto writes it. */
  keyPackage(): Promise<Uint8Array>;
  join(welcome: Uint8Array): Promise<void>;
  /** Whoever was a member already comes back as the same one, and its former leaf goes. */
  joinExternally(groupInfo: Uint8Array): Promise<Made>;
  add(keyPackages: readonly Uint8Array[]): Promise<Made>;
  remove(name: string): Promise<Made>;
  update(): Promise<Made>;
  commitPending(): Promise<Made>;
  takeProposal(message: Uint8Array): Promise<void>;
  /** Whether it still is a member after that Commit. */
  takeCommit(message: Uint8Array): Promise<boolean>;
  send(text: string): Promise<Uint8Array>;
  read(message: Uint8Array): Promise<{ readonly text: string; readonly sender: string }>;
  /** What the label "exporter" gives without a context, as core-crypto asks for it. */
  exported(): Promise<string>;
}

/** core-crypto's groups require that everybody knows X.509 credentials too (RFC 9420 §17.5). */
export const CREDENTIAL_TYPES: readonly number[] = [2];

const EXPORTED_BYTES = 32;

/** core-crypto reads and writes handshakes in public messages alone. */
const PUBLIC = { wireFormat: "public_message" } as const;

const nameOf = (leaf: LeafNode): string =>
  leaf.credential.type === "basic" ? new TextDecoder().decode(leaf.credential.identity) : "";

export class OurMember implements Member {
  readonly kind = "ours";
  readonly name: string;
  readonly client: Client;
  #published: OwnKeyPackage[] = [];

  constructor(world: World, name: string) {
    this.name = name;
    this.client = world.client(name);
  }

  /** The names of all members, by their leaves. */
  get names(): string[] {
    return Array.from(leavesOf(this.client.state.tree), ({ leaf }) => nameOf(leaf));
  }

  async create(groupId: Uint8Array): Promise<void> {
    const { client } = this;
    const created = createGroup(client.keyPackage(), { groupId }, client.world.env());
    client.state = want(created, "created").state;
  }

  async keyPackage(): Promise<Uint8Array> {
    const own = this.client.keyPackage();
    this.#published.push(own);
    return encode(keyPackageCodec, own.keyPackage);
  }

  async join(welcome: Uint8Array): Promise<void> {
    this.client.join(welcome, this.#published);
  }

  async joinExternally(groupInfo: Uint8Array): Promise<Made> {
    const { client } = this;
    return { commit: client.joinExternally(groupInfo, client.isMember ? client.state.ownLeaf : undefined) };
  }

  add(keyPackages: readonly Uint8Array[]): Promise<Made> {
    return this.#commit(
      keyPackages.map((bytes) => ({ type: "add", keyPackage: decode(keyPackageCodec, bytes) })),
    );
  }

  remove(name: string): Promise<Made> {
    return this.#commit([remove(this.leafOf(name))]);
  }

  update(): Promise<Made> {
    return this.#commit([]);
  }

  commitPending(): Promise<Made> {
    return this.#commit([]);
  }

  async #commit(proposals: readonly Proposal[]): Promise<Made> {
    const made = this.client.commit({ proposals, ...PUBLIC });
    this.client.accept(made);
    return made;
  }

  propose(proposal: Parameters<Client["propose"]>[0]): Uint8Array {
    return this.client.propose(proposal, PUBLIC);
  }

  async takeProposal(message: Uint8Array): Promise<void> {
    want(this.client.receive(message), "proposal");
  }

  async takeCommit(message: Uint8Array): Promise<boolean> {
    const outcome = this.client.receive(message);
    if (outcome.kind !== "removed") want(outcome, "commit");
    return outcome.kind === "commit";
  }

  async send(text: string): Promise<Uint8Array> {
    return this.client.send(text);
  }

  async read(message: Uint8Array) {
    const { data, credential } = want(this.client.receive(message), "application");
    assert.equal(this.client.receive(message).kind, "duplicate");
    assert(credential.type === "basic");
    return { text: new TextDecoder().decode(data), sender: new TextDecoder().decode(credential.identity) };
  }

  async exported(): Promise<string> {
    const { state, world } = this.client;
    const input = { label: "exporter", context: new Uint8Array(0), length: EXPORTED_BYTES };
    return hex(exportSecret(state, input, world.env()));
  }

  leafOf(name: string): LeafIndex {
    const found = leavesOf(this.client.state.tree).find(({ leaf }) => nameOf(leaf) === name);
    if (found === undefined) throw new Error(`${name} is no member`);
    return found.index;
  }
}

export class CoreMember implements Member {
  readonly kind = "theirs";
  readonly name: string;
  readonly #core: CoreCrypto;
  #group = "";

  private constructor(core: CoreCrypto, name: string) {
    this.#core = core;
    this.name = name;
  }

  static async start(core: CoreCrypto, name: string, suite: number): Promise<CoreMember> {
    await core.start(name, suite);
    return new CoreMember(core, name);
  }

  async create(groupId: Uint8Array): Promise<void> {
    this.#group = hex(groupId);
    await this.#core.create(this.name, this.#group);
  }

  async keyPackage(): Promise<Uint8Array> {
    return unhex(await this.#core.keyPackage(this.name));
  }

  async join(welcome: Uint8Array): Promise<void> {
    this.#group = await this.#core.join(this.name, hex(welcome));
  }

  async joinExternally(groupInfo: Uint8Array): Promise<Made> {
    if (this.#group !== "") await this.#core.forget(this.name, this.#group);
    // core-crypto writes a GroupInfo with MLSMessage's version and wire format in front, and reads it without.
    const joined = await this.#core.joinExternally(this.name, hex(groupInfo.subarray(4)));
    this.#group = joined.group;
    return made(joined);
  }

  async add(keyPackages: readonly Uint8Array[]): Promise<Made> {
    return made(await this.#core.add(this.name, this.#group, keyPackages.map(hex)));
  }

  async remove(name: string): Promise<Made> {
    return made(await this.#core.remove(this.name, this.#group, [name]));
  }

  async update(): Promise<Made> {
    return made(await this.#core.update(this.name, this.#group));
  }

  async commitPending(): Promise<Made> {
    return made(await this.#core.commitPending(this.name, this.#group));
  }

  /** A Commit that comes too late to be accepted. */
  async updateInVain(): Promise<Made> {
    return made(await this.#core.updateInVain(this.name, this.#group));
  }

  async takeProposal(message: Uint8Array): Promise<void> {
    assert.equal((await this.#receive(message)).kind, "proposal");
  }

  async takeCommit(message: Uint8Array): Promise<boolean> {
    const got = await this.#receive(message);
    if (got.kind !== "commit") throw new Error(`core-crypto takes a Commit for ${got.kind}`);
    return got.isMember;
  }

  async send(text: string): Promise<Uint8Array> {
    return unhex(await this.#core.encrypt(this.name, this.#group, text));
  }

  async read(message: Uint8Array) {
    const got = await this.#receive(message);
    if (got.kind !== "application") throw new Error(`core-crypto takes a message for ${got.kind}`);
    return got;
  }

  exported(): Promise<string> {
    return this.#core.exported(this.name, this.#group, EXPORTED_BYTES);
  }

  #receive(message: Uint8Array) {
    return this.#core.receive(this.name, this.#group, hex(message));
  }
}

const made = ({ commit, welcome, groupInfo }: SentCommit): Made => ({
  commit: unhex(commit),
  welcome: welcome === undefined ? undefined : unhex(welcome),
  groupInfo: unhex(groupInfo),
});
