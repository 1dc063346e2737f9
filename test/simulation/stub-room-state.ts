/** One device's state of a room in the stub, and the records that it is stored in. */
import { deviceCertificate, encode } from "@fedchat/protocol";
import type { GroupChanges, GroupRecords, GroupState } from "../../packages/engine/src/mls/group-records.ts";
import { roomPastEpochs } from "../../packages/engine/src/mls/limits.ts";
import type { RoomMember } from "../../packages/engine/src/mls/room-crypto.ts";
import type { RoomLeaf } from "../../packages/engine/src/room-state/leaves.ts";
import type { RoomState } from "../../packages/engine/src/room-state/room-state.ts";
import { decodeRoomState } from "../../packages/engine/src/room-state/room-state.ts";
import type { Context, Leaf, Waiting } from "./stub-room-forms.ts";
import { epochForm, keysForm, opened, selfForm } from "./stub-room-forms.ts";
import type { Keys } from "./stub-room-keys.ts";

export interface Epoch {
  readonly context: Context;
  /** Stands for all secrets of the epoch. */
  readonly secret: Uint8Array;
}

export interface State {
  readonly epoch: Epoch;
  readonly keys: Keys;
  /** The latest first. */
  readonly past: readonly { readonly epoch: Epoch; readonly keys: Keys }[];
  readonly leaf: number;
  /** Opens what is sealed to our leaf's public part. */
  readonly leafPrivate: Uint8Array;
  readonly signaturePrivateKey: Uint8Array;
  /** Proposals that a commit of this epoch may name. */
  readonly waiting: readonly Waiting[];
}

export const closed = (state: State): GroupState => state as unknown as GroupState;

/** What is kept of the epoch that a commit ends. */
export function pastAfter({ epoch, keys, past }: State): State["past"] {
  return [{ epoch, keys }, ...past].slice(0, roomPastEpochs);
}

const rooms = new WeakMap<Context, RoomState>();
const leaves = new WeakMap<Leaf, RoomLeaf>();

/** Of a context that was checked. */
export function roomOf(context: Context): RoomState {
  const known = rooms.get(context);
  if (known !== undefined) return known;
  const room = decodeRoomState(context.room);
  rooms.set(context, room);
  return room;
}

/** Of a leaf whose credential was vouched for. */
export function deviceOf(leaf: Leaf): RoomLeaf {
  const known = leaves.get(leaf);
  if (known !== undefined) return known;
  const { account, device } = deviceCertificate.read(leaf.credential).value;
  const found = { account, device, signatureKey: leaf.signatureKey };
  leaves.set(leaf, found);
  return found;
}

export function leafAt({ leaves: all }: Context, index: number): Leaf | undefined {
  return all.find((leaf) => leaf.index === index);
}

export function memberOf(leaf: Leaf, own: number | undefined): RoomMember {
  const { index, credential } = leaf;
  return { index, credential, ...deviceOf(leaf), own: index === own };
}

export class StubRecords implements GroupRecords {
  /** Nobody may go on from a state whose secrets are gone. */
  readonly #erased = new WeakSet<State>();

  changes(before: GroupState | undefined, after: GroupState): GroupChanges {
    const former = before === undefined ? new Map<string, Stored>() : recordsOf(this.opened(before));
    const records = recordsOf(this.opened(after));
    const put = new Map<string, Uint8Array>();
    for (const [name, { value, written }] of records)
      if (former.get(name)?.value !== value) put.set(name, written());
    return { put, remove: [...former.keys()].filter((name) => !records.has(name)) };
  }

  restore(records: Iterable<readonly [string, Uint8Array]>): GroupState {
    const stored = new Map(records);
    const self = read(selfForm, stored, "self");
    const held = (epoch: number) => ({
      epoch: read(epochForm, stored, `epoch ${epoch}`),
      keys: read(keysForm, stored, `keys ${epoch}`),
    });
    if (stored.size !== 3 + 2 * self.past.length)
      throw new Error("a stored stub state has more than it needs");
    const { leaf, leafPrivate, signaturePrivateKey, waiting } = self;
    const past = self.past.map(held);
    return closed({ ...held(self.epoch), past, leaf, leafPrivate, signaturePrivateKey, waiting });
  }

  erase(before: GroupState, after: GroupState | undefined): void {
    if (before !== after) this.#erased.add(before as unknown as State);
  }

  /** For steps that need its secrets. */
  protected opened(state: GroupState): State {
    const found = state as unknown as State;
    if (this.#erased.has(found)) throw new Error("assertion: a step goes from a state that was erased");
    return found;
  }
}

interface Stored {
  /** The same object as long as nothing of it changed. */
  readonly value: unknown;
  written(): Uint8Array;
}

function recordsOf(state: State): Map<string, Stored> {
  const { epoch, keys, past, leaf, leafPrivate, signaturePrivateKey, waiting } = state;
  const records = new Map<string, Stored>();
  for (const held of [{ epoch, keys }, ...past]) {
    const number = held.epoch.context.epoch;
    records.set(`epoch ${number}`, { value: held.epoch, written: () => encode(epochForm, held.epoch) });
    records.set(`keys ${number}`, { value: held.keys, written: () => encode(keysForm, held.keys) });
  }
  const self = {
    ...{ epoch: epoch.context.epoch, past: past.map((one) => one.epoch.context.epoch) },
    ...{ leaf, leafPrivate, signaturePrivateKey, waiting: [...waiting] },
  };
  const written = encode(selfForm, self);
  records.set("self", { value: Buffer.from(written).toString("latin1"), written: () => written });
  return records;
}

function read<T>(
  form: Parameters<typeof opened<T>>[0],
  stored: ReadonlyMap<string, Uint8Array>,
  name: string,
): T {
  const record = stored.get(name);
  const value = record && opened(form, record);
  if (value === undefined) throw new Error(`a stored stub state is damaged: ${name}`);
  return value;
}
