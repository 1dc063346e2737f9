/**
 * What account notes do on arrival: a request waits for the person (or opens at once where both asked each other, or an
 * invitation was used), a withdrawal ends it, an acceptance opens the room, `gone` closes it again. A note's request id
 * is accepted once. [Q3] to [Q9]
 */
import type { AccountId, AccountNote, Clock, InboxItem, Primitives, RoomId } from "@fedchat/protocol";
import { accountId, noteEnvelopeKind, ProtocolError } from "@fedchat/protocol";
import type { RoomCrypto } from "../mls/room-crypto.ts";
import type { EngineStore } from "../store/engine-store.ts";
import type { KeyPackageRow, RequestRow } from "../store/requests-table.ts";
import { causeOf, causeOfCode, encodeCause } from "./causes.ts";
import type { Changes } from "./changes.ts";
import { certificateOf } from "./credentials.ts";
import type { DeviceAdmission } from "./device-admission.ts";
import type { Identity } from "./identity.ts";
import type { Commit, ItemHandler } from "./inbox.ts";
import type { Invitations } from "./invitations.ts";
import type { KnownAccounts } from "./known-accounts.ts";
import { pendingIncomingRequestsMax, settledRequestMemoryMs } from "./limits.ts";
import type { Log } from "./log.ts";
import type { Names } from "./names.ts";
import type { NotesSender } from "./notes-sender.ts";
import type { Outgoing } from "./outgoing.ts";
import { joinPair } from "./pairs.ts";
import type { Requests } from "./requests.ts";
import { acceptedLine } from "./requests.ts";
import type { Rooms } from "./rooms.ts";
import type { RoomAsks } from "./room-asks.ts";
import type { RoomEntering } from "./room-entering.ts";
import type { RoomWelcomes } from "./room-welcomes.ts";
import type { OpenedNote } from "./sealed-notes.ts";
import { openNote } from "./sealed-notes.ts";
import type { Servers } from "./servers.ts";
import { learnStrangersNames } from "./strangers-names.ts";
import { want } from "./wanted-changes.ts";

export interface NotesReceiverPorts {
  store: EngineStore;
  identity: Identity;
  known: KnownAccounts;
  names: Names;
  servers: Servers;
  rooms: Rooms;
  requests: Requests;
  invitations: Invitations;
  notes: NotesSender;
  outgoing: Outgoing;
  welcomes: RoomWelcomes;
  asks: RoomAsks;
  entering: Pick<RoomEntering, "told" | "out">;
  admission: Pick<DeviceAdmission, "prepare">;
  /** Within the transaction: this account's newer record is kept. */
  recordChanged: (account: AccountId) => void;
  roomCrypto: RoomCrypto;
  primitives: Primitives;
  clock: Clock;
  changes: Changes;
  log: Log;
}

type Content<K extends AccountNote["content"]["kind"]> = Extract<AccountNote["content"], { kind: K }>;

export class NotesReceiver implements ItemHandler {
  readonly #ports: NotesReceiverPorts;
  #learning = false;
  #namesWanted = false;

  constructor(ports: NotesReceiverPorts) {
    this.#ports = ports;
  }

  prepare(item: InboxItem): Commit {
    const { store, identity, primitives } = this.#ports;
    const seedOf = (id: Uint8Array) => store.identity.requestKey(id)?.seed;
    const note = openNote(primitives, item, identity.account, seedOf);
    if (store.accounts.isBlocked(item.from)) throw passedOver("from a blocked account");
    this.#ports.known.check(note.sender);
    if (note.sender.record.account === identity.account) throw passedOver("from this very account");
    if (item.kind !== noteEnvelopeKind(note.content.kind)) throw passedOver("in an envelope of another kind");
    switch (note.content.kind) {
      case "request":
        return this.#requested(note, note.content);
      case "ask":
        return this.#asked(note, note.content);
      case "withdrawal":
        return this.#ports.asks.withdrawn(note) ?? this.#withdrawn(note);
      case "acceptance":
        return this.#accepted(note, note.content);
      case "gone":
        return this.#ports.entering.out(note, note.content.room) ?? this.#gone(note, note.content.room);
      case "enter":
        return this.#ports.admission.prepare(note, note.content);
      case "key":
        return this.#ports.entering.told(note, note.content);
      case "welcome":
        return this.#ports.welcomes.prepare(note, note.content);
      case "record":
        return this.#renewed(note);
    }
  }

  #requested(note: OpenedNote, content: Content<"request">): Commit {
    const { store, identity, known, requests, invitations, clock } = this.#ports;
    const { account, server } = note.sender.record;
    if (store.requests.get(note.request) !== undefined) throw passedOver("a request that was seen before");
    const keyPackage = this.#usableKeyPackage(note, content.keyPackages);
    const invited = invitations.check(note, content.invitation);
    const row: RequestRow = {
      ...{
        id: note.request,
        direction: "incoming",
        account,
        server,
        text: content.text,
        createdAt: clock.now(),
      },
      ...{ why: this.#why(note, invited?.label), state: "pending", cause: null, room: null, keyPackage },
    };
    const crossed = store.requests.pending("outgoing", account);
    const keep = () => {
      known.learn(note.sender);
      known.answers(note.sender);
      store.requests.insert(row);
      this.#marked(row);
      this.#learnNamesSoon();
    };
    // Both asked each other: the lower account key's request counts, on both sides. [Q6]
    if (crossed !== undefined && isLower(identity.account, account)) {
      return () => {
        keep();
        store.requests.settle(row.id, "withdrawn");
      };
    }
    if (crossed === undefined && invited === undefined) {
      return () => {
        keep();
        this.#dropOldest();
      };
    }
    return () => {
      keep();
      const used = invited !== undefined && invitations.consume(invited, note.sender.record);
      if (crossed === undefined && !used) return this.#dropOldest();
      if (crossed !== undefined) {
        store.requests.settle(crossed.id, "withdrawn");
        store.requests.deleteKeyPackagesOf(crossed.id);
        this.#marked(crossed);
      }
      requests.openRoom(row, invited === undefined ? "asked" : "invited");
      this.#ports.outgoing.pump();
    };
  }

  #asked(note: OpenedNote, content: Content<"ask">): Commit {
    const { store, asks, admission } = this.#ports;
    const isIn = store.groupRooms.person(content.room, note.sender.record.account) !== undefined;
    // Whoever takes part already asks for a device that cannot come in otherwise. [U7]
    const commit = isIn ? admission.prepare(note, content) : asks.prepare(note, content);
    return () => {
      commit();
      this.#learnNamesSoon();
    };
  }

  #withdrawn(note: OpenedNote): Commit {
    const { store, known } = this.#ports;
    const request = this.#requestOf(note, "incoming");
    if (request?.state !== "pending") throw passedOver("a withdrawal of nothing that waits");
    return () => {
      known.learn(note.sender);
      store.requests.settle(request.id, "withdrawn");
      this.#marked(request);
    };
  }

  #accepted(note: OpenedNote, content: Content<"acceptance">): Commit {
    const { room, welcome } = content;
    const { store, known, notes, outgoing } = this.#ports;
    const request = this.#requestOf(note, "outgoing");
    if (request?.state === "withdrawn") {
      const answer = notes.envelope(note.sender, note.request, { kind: "gone", room });
      return () => {
        known.learn(note.sender);
        outgoing.enqueue(answer);
        outgoing.pump();
      };
    }
    if (request?.state !== "pending") throw passedOver("an answer to nothing that was asked");
    if (store.rooms.get(room) !== undefined) throw passedOver("an answer with a room that exists");
    const keyPackage = this.#keyPackageOf(request, welcome);
    return () => {
      known.learn(note.sender);
      const line = acceptedLine(request, this.#ports.names.shown(request.account));
      const joined = keyPackage && this.#join(note, keyPackage, content);
      if (joined === undefined) {
        store.requests.settle(request.id, "failed", { cause: encodeCause(causeOfCode("wrong-credential")) });
      } else {
        // First of all: from here on the group is erased where the transaction fails.
        this.#ports.rooms.addPair({ ...joined, peer: request.account }, line);
        want(store, room, { kind: "refresh" }, this.#ports.clock.now());
        store.requests.settle(request.id, "accepted", { room });
      }
      store.requests.deleteKeyPackagesOf(request.id);
      this.#marked(request);
    };
  }

  /** Rooms that we share with them may not know yet; whoever is first brings it there. [U3] */
  #renewed({ sender }: OpenedNote): Commit {
    const { store, known } = this.#ports;
    const { account } = sender.record;
    if (store.accounts.contact(account) === undefined)
      throw passedOver("a record of somebody who is no contact");
    return () => {
      known.learn(sender);
      this.#ports.recordChanged(account);
    };
  }

  #gone(note: OpenedNote, room: RoomId): Commit {
    const { known, rooms, names } = this.#ports;
    const request = this.#requestOf(note, "incoming");
    if (request?.room !== room) throw passedOver("gone, but of no room that it opened");
    return () => {
      known.learn(note.sender);
      const who = names.shown(request.account);
      rooms.endPair(room, `${who} had taken the request back before you accepted it.`);
    };
  }

  /** Undefined where the Welcome cannot be used or leads into a room with anybody else. */
  #join(
    { sender: peer }: OpenedNote,
    keyPackage: KeyPackageRow,
    { room: id, hub, welcome }: Content<"acceptance">,
  ) {
    const { store, roomCrypto } = this.#ports;
    const joined = joinPair(this.#ports, { peer, keyPackage, id, hub, welcome });
    if (joined === undefined || store.rooms.roomOfGroup(joined.groupId) === undefined) return joined;
    roomCrypto.erase(joined.state, undefined);
    return undefined;
  }

  /** The key package that this Welcome is for, if it is the one that went with this request. */
  #keyPackageOf(request: RequestRow, welcome: Uint8Array): KeyPackageRow | undefined {
    const { roomCrypto, store } = this.#ports;
    const rows = (roomCrypto.welcomeReferences(welcome) ?? []).map((one) => store.requests.keyPackage(one));
    return rows.find((row) => row?.request === request.id);
  }

  #usableKeyPackage(note: OpenedNote, keyPackages: Uint8Array[]): Uint8Array {
    const { roomCrypto, primitives } = this.#ports;
    for (const keyPackage of keyPackages) {
      const info = roomCrypto.inspectKeyPackage(keyPackage, "hybrid");
      if (info !== undefined && certificateOf(primitives, info, note.sender) !== undefined)
        return keyPackage.slice();
    }
    throw passedOver("a request without a key package of its sender");
  }

  #requestOf(note: OpenedNote, direction: RequestRow["direction"]): RequestRow | undefined {
    const request = this.#ports.store.requests.get(note.request);
    const fits = request?.direction === direction && request.account === note.sender.record.account;
    return fits ? request : undefined;
  }

  /** A stranger may ask, a thousand strangers may not fill the store. */
  #dropOldest(): void {
    const { store, clock } = this.#ports;
    for (const dropped of store.requests.pendingIncomingBeyond(pendingIncomingRequestsMax)) {
      store.requests.settle(dropped.id, "declined");
      this.#marked(dropped);
    }
    store.requests.forgetSettledBefore(clock.now() - settledRequestMemoryMs);
  }

  /** Without a name for their server: what it is called may be learned later, and stands beside this. */
  #why(note: OpenedNote, invitation: string | undefined): string {
    const { servers } = this.#ports;
    const { server } = note.sender.record;
    if (invitation !== undefined) {
      return invitation === "" ? "They used your invitation." : `They used your invitation '${invitation}'.`;
    }
    if (server === servers.own.id) return "They live on your own homeserver.";
    if (servers.linkedByUs(server)) return "Your homeserver is linked with theirs.";
    return servers.get(server)?.trust === "incoming"
      ? "Their homeserver linked yours. You have not linked it."
      : "Their homeserver is not linked with yours, but knows where it is. Whoever knows that may ask.";
  }

  /** Whoever asks from a server that is not linked is shown with its name, where that can be learned. */
  #learnNamesSoon(): void {
    this.#namesWanted = true;
    if (this.#learning) return;
    this.#learning = true;
    this.#ports.clock.soon(() => void this.#learnNames());
  }

  /** One question at a time: what comes meanwhile is asked about together. */
  async #learnNames(): Promise<void> {
    try {
      while (this.#namesWanted) {
        this.#namesWanted = false;
        await learnStrangersNames(this.#ports);
      }
    } catch (error) {
      this.#ports.log.info("a server's name is not learned now", { code: causeOf(error).code });
    } finally {
      this.#learning = false;
    }
  }

  #marked({ id, server }: Pick<RequestRow, "id" | "server">): void {
    this.#ports.changes.mark("request", id);
    this.#ports.changes.mark("people", server);
    this.#ports.changes.status();
  }
}

/** By the keys' bytes; base32 text sorts otherwise. */
function isLower(a: AccountId, b: AccountId): boolean {
  const [left, right] = [accountId.toBytes(a), accountId.toBytes(b)];
  const at = left.findIndex((byte, index) => byte !== right[index]);
  return at !== -1 && left[at]! < right[at]!;
}

function passedOver(what: string): ProtocolError {
  return new ProtocolError("malformed", `account note: ${what}`);
}
