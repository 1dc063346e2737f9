/**
 * Rooms of many as this person handles them: opening one, joining and leaving, and what is to change in it. What is
 * asked for is checked against the room as it is, kept, and done by a Commit as soon as the hub can be reached.
 */
import type {
  AccountId,
  Clock,
  OpenedAccountRecord,
  Primitives,
  RandomSource,
  RoomId,
  ServerId,
} from "@fedchat/protocol";
import { hubsMax } from "../room-state/limits.ts";
import type { Joining, Role, RoomState } from "../room-state/room-state.ts";
import type { RoomUpdate } from "../room-state/room-update.ts";
import { applyUpdate } from "../room-state/apply-update.ts";
import type { RoomCrypto } from "../mls/room-crypto.ts";
import type { EngineStore } from "../store/engine-store.ts";
import type { RoomRow } from "../store/rooms-table.ts";
import { engineError } from "./causes.ts";
import type { Changes } from "./changes.ts";
import type { DeviceAdmission } from "./device-admission.ts";
import type { Groups } from "./groups.ts";
import type { Identity } from "./identity.ts";
import { wantRenewal } from "./key-renewal.ts";
import { keysRenewedAfterMs } from "./limits.ts";
import type { KnownAccounts } from "./known-accounts.ts";
import type { Names } from "./names.ts";
import type { Rooms } from "./rooms.ts";
import type { RoomCommits } from "./room-commits.ts";
import { showRoomState } from "./room-people.ts";
import type { WantedChange } from "./wanted-changes.ts";
import { want, wantedChanges } from "./wanted-changes.ts";

export interface GroupRoomsPorts {
  store: EngineStore;
  identity: Identity;
  known: KnownAccounts;
  names: Pick<Names, "shown" | "server">;
  rooms: Rooms;
  groups: Groups;
  roomCrypto: RoomCrypto;
  commits: RoomCommits;
  admission: Pick<DeviceAdmission, "letBackIn">;
  /** A person said yes to a room: what waited for that can be done. */
  onJoined: (room: RoomId) => void;
  /** Our own homeserver, which becomes the hub of rooms that are opened here. */
  server: ServerId;
  primitives: Primitives;
  clock: Pick<Clock, "now">;
  random: RandomSource;
  changes: Changes;
}

export type RoomSize = "usual" | "large";

export class GroupRooms {
  readonly #ports: GroupRoomsPorts;

  constructor(ports: GroupRoomsPorts) {
    this.#ports = ports;
  }

  /**
   * The room is there at once; those who are to be in it come as the hub and their homeservers are reached.
   * @param size `large`: for more people than the keys of a hybrid room have room for [W1]
   */
  create(name: string, people: readonly AccountId[], size: RoomSize): RoomId {
    const { store, identity, rooms, groups, roomCrypto, server, clock, random, changes } = this.#ports;
    for (const account of people) this.#invitable(account);
    const id = rooms.newId();
    const groupId = random.bytes(32);
    const created = roomCrypto.create({
      room: id,
      groupId,
      suite: size === "large" ? "classical" : "hybrid",
      identity: identity.member,
      record: identity.record.signed,
      ...{ name, join: "invited", invite: "moderators", hubs: [server] },
    });
    if (created.kind === "refused") throw new Error(`assertion: a room of one is made: ${created.reason}`);
    const now = clock.now();
    store.transaction(() => {
      groups.add(id, groupId, created.state);
      rooms.addGroup({ id, name, invitedBy: null, state: "open", createdAt: now });
      showRoomState(store, roomCrypto.room(created.state));
      const head = new Uint8Array(32);
      const log = { room: id, hub: server, term: 1, position: 0, head } as const;
      store.groupRooms.putLog({ ...log, following: "wanted", renewedAt: now });
      for (const account of new Set(people)) want(store, id, { kind: "admit", account, role: "member" }, now);
      rooms.addNotice(id, identity.account, `You opened the room.`);
    });
    changes.mark("room", id);
    this.#ports.commits.run(id);
    return id;
  }

  /** Says yes to a room that somebody took us into. Throws, with the reason, for one that ended for us. */
  join(id: RoomId): void {
    const { store, clock, changes, rooms } = this.#ports;
    const room = this.#get(id);
    if (room.state === "open") return;
    if (room.state !== "invited") throw rooms.ended(room);
    store.transaction(() => {
      store.rooms.opened(id);
      if (store.rooms.hasGroup(id)) wantRenewal(this.#ports, id, "joined");
      else want(store, id, { kind: "enter" }, clock.now());
    });
    changes.mark("room", id);
    this.#ports.commits.run(id);
    this.#ports.onJoined(id);
  }

  /** Nothing is written here any more from now on; the others learn of it as the hub is reached. */
  leave(id: RoomId): void {
    const { store, identity, rooms, groups, clock } = this.#ports;
    const room = this.#get(id);
    if (room.state === "closed" || room.state === "broken") return;
    // Who is not in the group has to come in before they can say in it that they leave.
    const isIn = store.rooms.hasGroup(id);
    const alone = isIn && this.#stateOf(id).participants.length === 1;
    if (isIn && !alone) this.#check(id, { kind: "leave" });
    store.transaction(() => {
      for (const { id: wanted } of wantedChanges(store, id)) store.groupRooms.deleteChange(wanted);
      if (!isIn) want(store, id, { kind: "enter" }, clock.now());
      if (!alone) want(store, id, { kind: "leave" }, clock.now());
      rooms.close(id, "closed", "room-left");
      rooms.addNotice(id, identity.account, "You left.");
      if (!alone) return;
      groups.end(id);
      store.groupRooms.end(id);
    });
    if (!alone) this.#ports.commits.run(id);
  }

  /** Who takes part already, with devices that are not in the room's encryption, is told the way in. [U7] */
  invite(id: RoomId, account: AccountId, role: Role): void {
    if (this.#letBackIn(id, account)) return;
    const record = this.#invitable(account);
    this.#check(id, { kind: "admit", record, role });
    this.#want(id, { kind: "admit", account, role });
  }

  /** Lets in who asked: what they are taken in with came with that. */
  letIn(id: RoomId, account: AccountId): void {
    const record = this.#ports.known.get(account)?.signed;
    if (record === undefined) throw engineError("unknown-person");
    this.#check(id, { kind: "admit", record, role: "member" });
    this.#want(id, { kind: "admit", account, role: "member" });
  }

  /** Whether the room as it is lets us take this account in. */
  mayLetIn(id: RoomId, { signed: record }: Pick<OpenedAccountRecord, "signed">): boolean {
    const { primitives, identity } = this.#ports;
    const update = { kind: "admit", record, role: "member" } as const;
    return applyUpdate(this.#stateOf(id), update, identity.account, primitives).kind === "applied";
  }

  rename(id: RoomId, name: string): void {
    this.#check(id, { kind: "rename", name });
    this.#want(id, { kind: "rename", name });
  }

  remove(id: RoomId, account: AccountId, how: "remove" | "ban"): void {
    this.#check(id, { kind: how, account });
    this.#want(id, { kind: how, account });
  }

  unban(id: RoomId, account: AccountId): void {
    this.#check(id, { kind: "unban", account });
    this.#want(id, { kind: "unban", account });
  }

  setRole(id: RoomId, account: AccountId, role: Role): void {
    this.#check(id, { kind: "role", account, role });
    this.#want(id, { kind: "role", account, role });
  }

  setRules(id: RoomId, rules: { join?: Joining; invite?: RoomState["invite"] }): void {
    const { joining, inviting } = this.#get(id);
    // On top of what is wanted already, and not done yet.
    const wanted = wantedChanges(this.#ports.store, id).flatMap(({ change }) =>
      change.kind === "rules" ? [change] : [],
    );
    const { join, invite } = {
      ...{ join: joining, invite: inviting },
      ...wanted.at(-1),
      ...rules,
    };
    this.#check(id, { kind: "rules", join, invite });
    this.#want(id, { kind: "rules", join, invite });
  }

  /** An owner says who may own the room when its owners are gone for so many days; 0: nobody. */
  setSuccession(id: RoomId, heir: AccountId | null, days: number): void {
    const change = { kind: "succession", days, ...(heir === null ? {} : { heir }) } as const;
    this.#check(id, change);
    for (const { id: wanted, change: former } of wantedChanges(this.#ports.store, id))
      if (former.kind === "succession") this.#ports.store.groupRooms.deleteChange(wanted);
    this.#want(id, change);
  }

  /** Says that the room's owners are gone; after the time that they set it is ours, unless one of them comes. */
  claim(id: RoomId): void {
    this.#check(id, { kind: "claim", at: this.#ports.clock.now() });
    this.#want(id, { kind: "claim" });
  }

  unclaim(id: RoomId): void {
    this.#check(id, { kind: "unclaim" });
    this.#want(id, { kind: "unclaim" });
  }

  /** An owner's act: that server stands first on the list from then on, and is asked to go on at once. [W14] */
  handOver(id: RoomId, hub: ServerId): void {
    const { store, clock, names, changes, commits } = this.#ports;
    const { hubs, participants } = this.#stateOf(id);
    if (store.groupRooms.log(id)?.hub === hub) return;
    if (!participants.some(({ server }) => server === hub))
      throw engineError("room-rule", `Nobody of the room lives at ${names.server(hub)}.`, null);
    const listed = [hub, ...hubs.filter((one) => one !== hub)].slice(0, hubsMax);
    this.#check(id, { kind: "hubs", hubs: listed });
    store.transaction(() => {
      for (const { id: wanted, change } of wantedChanges(store, id))
        if (change.kind === "handOver" || change.kind === "hubs") store.groupRooms.deleteChange(wanted);
      if (hubs[0] !== hub) want(store, id, { kind: "hubs", hubs: listed }, clock.now());
      want(store, id, { kind: "handOver", hub }, clock.now());
    });
    changes.mark("room", id);
    commits.resume(id);
  }

  /** Whoever writes renews their keys from time to time, and who came in soon: what was stolen before is of no use then. [W8] */
  renewKeysWhereDue(id: RoomId): void {
    const { store, clock, commits } = this.#ports;
    const log = store.groupRooms.log(id);
    if (log === undefined) return;
    const isWanted = wantedChanges(store, id).some(({ change }) => change.kind === "refresh");
    const ageMs = clock.now() - log.renewedAt;
    // Keys of the future are of a clock that was set back since: how old they are, nobody knows.
    if (!isWanted && ageMs >= 0 && ageMs < keysRenewedAfterMs) return;
    store.transaction(() => wantRenewal(this.#ports, id, "writes"));
    commits.run(id);
  }

  banned(id: RoomId): readonly AccountId[] {
    return this.#stateOf(id).banned;
  }

  /** What they are told counts from a contact, and they have to have us as one. */
  #letBackIn(id: RoomId, account: AccountId): boolean {
    const { store, admission, rooms, names } = this.#ports;
    const isOpen = this.#get(id).state === "open" && store.accounts.contact(account) !== undefined;
    if (!isOpen || store.accounts.isBlocked(account) || !admission.letBackIn(id, account)) return false;
    const name = names.shown(account);
    const line = `You told ${name} the way in, who takes part with a device that is not in this room's encryption yet.`;
    store.transaction(() => rooms.addNotice(id, account, line));
    return true;
  }

  /** Their record. Only whom we have a chat with has told us how to reach their key packages. */
  #invitable(account: AccountId): Uint8Array {
    const { store, known, identity } = this.#ports;
    if (account === identity.account) throw engineError("is-self");
    const name = this.#ports.names.shown(account);
    if (store.accounts.isBlocked(account)) throw engineError("you-blocked", `You have blocked ${name}.`);
    const contact = store.accounts.contact(account);
    const record = known.get(account);
    if (contact === undefined || record === undefined)
      throw engineError(
        "not-a-contact",
        `You have no chat with ${name}, and can take in only people whom you have one with.`,
      );
    if (contact.capability === null)
      throw engineError("no-keys-yet", `${name}'s FedChat has not told yours yet how to take them in.`);
    return record.signed;
  }

  /** Throws what a member would refuse, in words, before anything is kept. */
  #check(id: RoomId, update: RoomUpdate): void {
    const { primitives, identity, rooms } = this.#ports;
    const room = this.#get(id);
    if (room.state === "closed") throw rooms.ended(room);
    const outcome = applyUpdate(this.#stateOf(id), update, identity.account, primitives);
    if (outcome.kind === "applied") return;
    // Others may do what one's role does not allow; what makes no sense nobody may.
    const fix = outcome.rule.startsWith("right.") ? undefined : null;
    throw engineError("room-rule", outcome.reason, fix);
  }

  #want(id: RoomId, change: WantedChange): void {
    const { store, clock, changes, commits } = this.#ports;
    want(store, id, change, clock.now());
    changes.mark("room", id);
    commits.run(id);
  }

  #get(id: RoomId): RoomRow {
    const room = this.#ports.rooms.get(id);
    if (room.kind !== "group") throw engineError("not-a-room");
    return room;
  }

  #stateOf(id: RoomId): RoomState {
    const { groups, roomCrypto } = this.#ports;
    this.#get(id);
    const state = groups.of(id);
    if (state === undefined) throw engineError("room-entering");
    return roomCrypto.room(state);
  }
}
