/** Clients, their stores and their groups for tests: everything from a seed and a clock that tests move. */
import { assert } from "vitest";
import type { Primitives } from "../src/crypto/primitives.ts";
import {
  accept,
  type CommitInput,
  type Committed,
  commit,
  createGroup,
  createKeyPackage,
  encrypt,
  type Environment,
  eraseFormer,
  type GroupState,
  type Identity,
  join,
  joinExternally,
  groupInfo,
  ownCapabilities,
  type OwnKeyPackage,
  type Policy,
  policy,
  type Proposal,
  propose,
  type ProposeInput,
  proposeSelf,
  type PskSource,
  receive,
  recordChanges,
  restoreState,
  supportedComponents,
  type LeafIndex,
} from "../src/index.ts";
import { node } from "./backends.ts";
import { type SeededRandom, seededRandom } from "./seeded-random.ts";

const NOW = Date.UTC(2026, 0, 15);
const DAY = 86_400n;

/** A month from yesterday on. */
function lifetimeAround(now: number) {
  const seconds = BigInt(Math.floor(now / 1000));
  return { notBefore: seconds - DAY, notAfter: seconds + 30n * DAY };
}

export const LIFETIME = lifetimeAround(NOW);

/** Credentials are names here, and everyone may do everything. */
export const TRUSTING: Policy = policy({
  acceptsCredential: () => true,
  acceptsExternalCommit: () => true,
  acceptsExternalProposal: () => true,
  acceptsExternalSender: () => true,
  applyAppData: (_component, _current, updates) => updates.at(-1),
  acceptsAppDataRemoval: () => true,
  acceptsAppEphemeral: () => true,
});

export interface WorldOptions {
  readonly seed: string;
  readonly cipherSuite?: number;
  readonly primitives?: Primitives;
  readonly policy?: Policy;
  /** Credential types that clients say they know, beside the one that they have. */
  readonly credentialTypes?: readonly number[];
}

export class World {
  readonly random: SeededRandom;
  readonly cipherSuite: number;
  readonly primitives: Primitives;
  readonly credentialTypes: readonly number[];
  policy: Policy;
  readonly psks = new Map<string, Uint8Array>();
  now = NOW;

  constructor(options: WorldOptions) {
    this.random = seededRandom(options.seed);
    this.cipherSuite = options.cipherSuite ?? 0x0001;
    this.primitives = options.primitives ?? node;
    this.policy = options.policy ?? TRUSTING;
    this.credentialTypes = options.credentialTypes ?? [];
  }

  env(overrides: Partial<Environment> = {}): Environment {
    const { primitives, random, now } = this;
    const psk = (source: PskSource) =>
      source.type === "external" ? this.psks.get(new TextDecoder().decode(source.id)) : undefined;
    return { primitives, random, now, policy: this.policy, psk, ...overrides };
  }

  client(name: string): Client {
    return new Client(this, name);
  }
}

/** Takes the value of an outcome that the test expects, and shows any other. */
export function want<O extends { kind: string }, K extends O["kind"]>(
  outcome: O,
  kind: K,
): Extract<O, { kind: K }> {
  if (outcome.kind !== kind) {
    const { reason } = outcome as { reason?: string };
    throw new Error(`wanted ${kind}, got ${outcome.kind}${reason === undefined ? "" : `: ${reason}`}`);
  }
  return outcome as Extract<O, { kind: K }>;
}

/** Expects the refusal of this rule. */
export function wantRefused(outcome: { kind: string; rule?: string; reason?: string }, rule: string): void {
  assert.equal(`${outcome.kind} ${outcome.rule}`, `refused ${rule}`, outcome.reason);
}

export class Client {
  readonly world: World;
  readonly identity: Identity;
  /** What a database would hold. */
  readonly store = new Map<string, Uint8Array>();
  #state: GroupState | undefined;

  constructor(world: World, name: string) {
    this.world = world;
    const credential = { type: "basic", identity: new TextEncoder().encode(name) } as const;
    const capabilities = ownCapabilities(world.random, credential);
    const credentials = [...capabilities.credentials, ...world.credentialTypes];
    this.identity = {
      credential,
      signaturePrivateKey: world.random.bytes(32),
      capabilities: { ...capabilities, credentials },
      extensions: [supportedComponents([])],
    };
  }

  get state(): GroupState {
    if (this.#state === undefined) throw new Error("not in the group");
    return this.#state;
  }

  /** Stores the new state as an engine would, then erases what the former one held. */
  set state(after: GroupState) {
    const before = this.#state;
    const { put, remove } = recordChanges(before, after);
    for (const key of remove) this.store.delete(key);
    for (const [key, bytes] of put) this.store.set(key, bytes);
    this.#state = after;
    if (before !== undefined) eraseFormer(before, after);
  }

  get isMember(): boolean {
    return this.#state !== undefined;
  }

  leave(): void {
    if (this.#state !== undefined) eraseFormer(this.#state, undefined);
    this.#state = undefined;
    this.store.clear();
  }

  /** Forgets all but the store, and begins again from it. */
  restart(): void {
    this.#state = restoreState(this.store);
  }

  keyPackage(overrides: Partial<Parameters<typeof createKeyPackage>[0]> = {}): OwnKeyPackage {
    const { world, identity } = this;
    const input = {
      cipherSuite: world.cipherSuite,
      identity,
      lifetime: lifetimeAround(world.now),
      ...overrides,
    };
    return want(createKeyPackage(input, world.env()), "key-package");
  }

  create(extensions: Parameters<typeof createGroup>[1]["extensions"] = []): void {
    const { world } = this;
    const groupId = world.random.bytes(32);
    this.state = want(createGroup(this.keyPackage(), { groupId, extensions }, world.env()), "created").state;
  }

  join(welcome: Uint8Array, keyPackages: readonly OwnKeyPackage[], ratchetTree?: Uint8Array): void {
    this.state = want(join({ welcome, keyPackages, ratchetTree }, this.world.env()), "joined").state;
  }

  /** The Commit of someone who is not in the group yet; in force here at once. */
  joinExternally(info: Uint8Array, replaces?: LeafIndex, selfRemoves: Uint8Array[] = []): Uint8Array {
    const { identity, world } = this;
    const input = { groupInfo: info, identity, selfRemoves, ...(replaces === undefined ? {} : { replaces }) };
    const joined = want(joinExternally(input, world.env()), "joined-externally");
    this.leave();
    this.state = joined.state;
    return joined.commit;
  }

  /** A message by which this client asks the members to add it. */
  askToJoin(group: { groupId: Uint8Array; epoch: bigint }, own: OwnKeyPackage): Uint8Array {
    return want(proposeSelf(group, own, this.world.env()), "proposed-from-outside").message;
  }

  groupInfo(): Uint8Array {
    return want(groupInfo(this.state, { externalPub: true }, this.world.env()), "group-info").message;
  }

  send(text: string): Uint8Array {
    const sent = want(
      encrypt(this.state, { data: new TextEncoder().encode(text) }, this.world.env()),
      "encrypted",
    );
    this.state = sent.state;
    return sent.message;
  }

  propose(proposal: ProposeInput["proposal"], more: Partial<ProposeInput> = {}): Uint8Array {
    const proposed = want(propose(this.state, { proposal, ...more }, this.world.env()), "proposed");
    this.state = proposed.state;
    return proposed.message;
  }

  /** A Commit whose key is used up here, but which is not accepted yet. */
  commit(input: CommitInput = {}): Committed {
    const committed = want(commit(this.state, input, this.world.env()), "committed");
    this.state = committed.state;
    return committed;
  }

  accept(committed: Committed): void {
    this.state = accept(this.state, committed.next, this.world.env());
  }

  /** What comes of a message; the new state is taken. */
  receive(message: Uint8Array) {
    const outcome = receive(this.state, message, this.world.env());
    if ("state" in outcome) this.state = outcome.state;
    if (outcome.kind === "removed") this.leave();
    return outcome;
  }

  read(message: Uint8Array): string {
    return new TextDecoder().decode(want(this.receive(message), "application").data);
  }

  get authenticator(): string {
    return Buffer.from(this.state.secrets.epochAuthenticator).toString("hex");
  }
}

export const add = (own: OwnKeyPackage): Proposal => ({ type: "add", keyPackage: own.keyPackage });
export const remove = (removed: LeafIndex): Proposal => ({ type: "remove", removed });

/** A group of these names, the first its creator. */
export function groupOf<N extends readonly string[]>(world: World, ...names: N): { [K in keyof N]: Client } {
  const clients = names.map((name) => world.client(name)) as { [K in keyof N]: Client } & Client[];
  const [creator, ...others] = clients as [Client, ...Client[]];
  creator.create();
  if (others.length === 0) return clients;
  const packages = others.map((client) => client.keyPackage());
  const committed = creator.commit({ proposals: packages.map(add) });
  creator.accept(committed);
  others.forEach((client, i) => client.join(committed.welcome!, [packages[i]!]));
  return clients;
}
