/** A room as its members see it: appends with right proofs, and what servers then hold. */
import type {
  AccountId,
  ClientParams,
  FollowedRoom,
  RoomAppendOutcome,
  RoomEntry,
  RoomId,
  RoomLogHead,
  RoomLogItem,
  RoomTakeover,
  ServerId,
} from "@fedchat/protocol";
import {
  encode,
  proveRoomAppend,
  roomEntry,
  roomEntryHash,
  roomId,
  roomLogItem,
  signTakeover,
} from "@fedchat/protocol";
import type { Host } from "./federation-world.ts";
import { primitives, World } from "./federation-world.ts";

type Append = ClientParams<"rooms.append">;

/** What every member of the room knows: its group, and the access keys of its epochs. */
export class TestRoom {
  readonly id: RoomId;
  readonly group: Uint8Array;
  head: RoomLogHead;
  epoch = 0;
  readonly #name: string;
  readonly #seed: (epoch: number) => Uint8Array;

  constructor(hub: ServerId, name = "room") {
    const of = (what: string) => primitives.sha256(new TextEncoder().encode(`${name} ${what}`));
    this.#name = name;
    this.id = roomId.fromBytes(of("id").subarray(0, 16));
    this.head = { hub, term: 1, position: 0, hash: new Uint8Array(32) };
    this.group = of("group");
    this.#seed = (epoch) => of(`access ${epoch}`);
  }

  get hub(): ServerId {
    return this.head.hub;
  }

  /** What somebody knows who learns from now on otherwise than the others. */
  apart(): TestRoom {
    const other = new TestRoom(this.hub, this.#name);
    return Object.assign(other, { head: this.head, epoch: this.epoch });
  }

  access(epoch = this.epoch): Uint8Array {
    return primitives.ed25519.publicKey(this.#seed(epoch));
  }

  /** The clear head of a PrivateMessage of this group, and something behind it. */
  message(content: "application" | "proposal" | "commit", epoch = this.epoch, bytes = 40): Uint8Array {
    const code = { application: 1, proposal: 2, commit: 3 }[content];
    const head = [0, 1, 0, 2, 32, ...this.group, 0, 0, 0, 0, 0, 0, 0, epoch, code];
    return Uint8Array.from([...head, ...new Uint8Array(bytes).fill(9)]);
  }

  begin(servers: ServerId[]): RoomLogItem {
    return { kind: "begin", group: this.group, access: this.access(0), servers };
  }

  commit(servers: ServerId[], bytes?: number): RoomLogItem {
    const { group, epoch } = this;
    const message = this.message("commit", epoch, bytes);
    return {
      kind: "commit",
      group,
      epoch,
      message,
      external: false,
      access: this.access(epoch + 1),
      servers,
    };
  }

  proposal(): RoomLogItem {
    return { kind: "proposal", group: this.group, epoch: this.epoch, message: this.message("proposal") };
  }

  /** What builds on the head that this member knows, proved with the present epoch's key. */
  append(item: RoomLogItem, change: Partial<Omit<Append, "proof">> = {}): Append {
    const info = item.kind === "proposal" ? null : Uint8Array.of(1, 2, this.epoch);
    const { term, position, hash: head } = this.head;
    const encoded = encode(roomLogItem, item);
    const append = { room: this.id, hub: this.hub, term, position, head, item: encoded, info, ...change };
    return { ...append, proof: proveRoomAppend(primitives, this.#seed(this.epoch), append) };
  }

  /** Another server is asked to go on behind the head that this member knows. */
  takeover(hub: ServerId, servers: ServerId[], change: Partial<RoomTakeover> = {}): Append {
    const { hub: from, term, position, hash: previous } = this.head;
    const place = { room: this.id, hub, term: term + 1, position: position + 1, previous };
    const seeds = { access: this.#seed(this.epoch), member: this.#seed(1_000) };
    const { group, epoch } = this;
    const asked = { group, epoch, access: this.access(), servers, member: Uint8Array.of(1), ...change };
    const item = signTakeover(primitives, seeds, place, { kind: "takeover", from, ...asked });
    return this.append({ ...item, ...(change.proof && { proof: change.proof }) }, { hub });
  }

  /** Asks by way of a server, and follows what became of it. */
  async moveTo(by: Host, hub: ServerId, servers: ServerId[], person = by.person): Promise<void> {
    const outcome = await by.world.clock.settle(by.rooms.append(person, this.takeover(hub, servers)));
    if (outcome.outcome !== "appended") throw new Error("it was not appended");
    this.head = { hub, term: this.head.term + 1, position: outcome.position, hash: outcome.hash };
  }

  /** Follows what became of an append. */
  took(item: RoomLogItem, outcome: RoomAppendOutcome): void {
    if (outcome.outcome !== "appended") throw new Error("it was not appended");
    const { position, hash } = outcome;
    this.head = { ...this.head, position, hash };
    if (item.kind === "commit") this.epoch += 1;
  }

  /** Appends by way of a server, and follows what became of it. */
  async add(by: Host, item: RoomLogItem, person = by.person): Promise<void> {
    this.took(item, await by.world.clock.settle(by.rooms.append(person, this.append(item))));
  }

  follow(by: Host, person = by.person, head = this.head): Promise<void> {
    const { hub, position, hash } = head;
    return by.world.clock.settle(by.rooms.follow(person, { room: this.id, hub, position, hash }));
  }

  /** Where its log is at a server. */
  at(host: Host, person = host.person): number | undefined {
    return this.headAt(host, person)?.position;
  }

  headAt(host: Host, person = host.person): FollowedRoom | undefined {
    return host.rooms.heads(person).rooms.find(({ room }) => room === this.id);
  }

  /** Whether it is there as this member knows it. */
  isAt(host: Host, person = host.person): boolean {
    const head = this.headAt(host, person);
    return head !== undefined && head.term === this.head.term && equal(head.hash, this.head.hash);
  }

  /** Its entries as a follower reads them, page by page: verified, in order, each naming the one before. */
  async read(host: Host, after = 0, person: AccountId = host.person): Promise<RoomEntry[]> {
    const entries: RoomEntry[] = [];
    let previous: Uint8Array | undefined;
    for (let position = after; ; position = entries.at(-1)!.position) {
      const page = await host.world.clock.settle(host.rooms.log(person, { room: this.id, after: position }));
      for (const signed of page.entries) {
        const entry = roomEntry.open(primitives, signed);
        if (previous !== undefined && !equal(previous, entry.previous)) throw new Error("a hole");
        previous = roomEntryHash(primitives, signed);
        entries.push(entry);
      }
      if (page.entries.length === 0 || page.head.position === entries.at(-1)!.position) return entries;
    }
  }

  async positions(host: Host, after = 0): Promise<number[]> {
    return (await this.read(host, after)).map(({ position }) => position);
  }
}

const equal = (a: Uint8Array, b: Uint8Array): boolean => a.every((byte, index) => byte === b[index]);

/** A room at its hub with a member at another server, both of whom follow it. */
export async function sharedRoom(seed: string | number = 1) {
  const world = new World(seed);
  const [hub, member] = [await world.homeserver("hub"), await world.homeserver("member")];
  await world.link(hub, member);
  const room = new TestRoom(hub.id);
  await room.add(hub, room.begin([hub.id]));
  await room.follow(hub);
  await room.add(hub, room.commit([hub.id, member.id]));
  await room.follow(member);
  await world.clock.until(() => room.at(member) === 2, "the member's server has it");
  return { world, hub, member, room };
}

export const roomHeads = (host: Host): number[] => host.events("roomHead").map(({ position }) => position);

/** How the server with this key signs entries. */
export const signEntryWith =
  (seed: Uint8Array) =>
  (entry: RoomEntry): Uint8Array =>
    roomEntry.sign(primitives, seed, entry);
