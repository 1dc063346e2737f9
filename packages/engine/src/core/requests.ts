/**
 * Chat requests of this engine's person: asking, accepting, declining, taking back. Consent comes before keys: whoever
 * accepts makes the room from the key package that came with the request. [Q1] to [Q9]
 */
import type {
  AccountId,
  Clock,
  OpenedAccountRecord,
  Primitives,
  RandomSource,
  RequestId,
  RoomId,
  ServerId,
} from "@fedchat/protocol";
import { accountId, invitationProofInput, requestId } from "@fedchat/protocol";
import type { RoomCrypto } from "../mls/room-crypto.ts";
import type { EngineStore } from "../store/engine-store.ts";
import type { RequestRow } from "../store/requests-table.ts";
import { causeOfCode, encodeCause, engineError } from "./causes.ts";
import type { Changes } from "./changes.ts";
import type { Homes } from "./homes.ts";
import type { Identity } from "./identity.ts";
import type { KnownAccounts } from "./known-accounts.ts";
import type { Names } from "./names.ts";
import type { NotesSender } from "./notes-sender.ts";
import type { Outgoing } from "./outgoing.ts";
import { makePair } from "./pairs.ts";
import type { Rooms } from "./rooms.ts";

export interface RequestsPorts {
  store: EngineStore;
  identity: Identity;
  known: KnownAccounts;
  names: Names;
  rooms: Rooms;
  notes: NotesSender;
  outgoing: Outgoing;
  /** Where our account lived before. */
  homes: Pick<Homes, "former">;
  roomCrypto: RoomCrypto;
  /** Our own homeserver, which orders the log of rooms that are made here. */
  server: ServerId;
  primitives: Primitives;
  clock: Clock;
  random: RandomSource;
  changes: Changes;
}

/** What of an invitation link goes into the request that uses it. */
export interface UsedInvitation {
  id: Uint8Array;
  secret: Uint8Array;
}

/** Changes to run in one transaction. */
type Commit = () => void;

/** Why there is a request of ours: kept with it, so that its answer is told from the right side. */
const asked = { byOurselves: "You asked.", byInvitation: "You used their invitation." };

/** The first line of the room that their acceptance opens. Whoever followed an invitation was the one to accept. */
export function acceptedLine({ why }: Pick<RequestRow, "why">, name: string): string {
  return why === asked.byInvitation ? `You accepted ${name}'s invitation.` : `${name} accepted your request.`;
}

/** Whether a device of the former record is still there. */
function hasDeviceOf(former: OpenedAccountRecord, newer: OpenedAccountRecord): boolean {
  return newer.certificates.some(({ device }) => former.certificates.some((one) => one.device === device));
}

export class Requests {
  readonly #ports: RequestsPorts;

  constructor(ports: RequestsPorts) {
    this.#ports = ports;
  }

  /** Throws `EngineError("unknown-request")`. */
  get(id: RequestId): RequestRow {
    const request = this.#ports.store.requests.get(id);
    if (request === undefined) throw engineError("unknown-request");
    return request;
  }

  /** Asks for a chat. A request that already waits is that one; one of theirs that waits is accepted. */
  send(to: OpenedAccountRecord, text: string, invitation?: UsedInvitation): RequestRow {
    this.#checkAskable(to);
    if (this.#chatWith(to.record.account) !== undefined) throw engineError("already-contact");
    return this.#ask(to, text, invitation);
  }

  /**
   * Asks by an invitation of theirs. With a contact, where one or both moved and did not hear of each other, the chat goes
   * on: they are told where we live by a note that every homeserver takes. Whoever came back with no device that we knew
   * has no way into it, and is asked anew. [A22]
   */
  follow(to: OpenedAccountRecord, invitation: UsedInvitation): RequestRow {
    const { store, known, homes } = this.#ports;
    this.#checkAskable(to);
    const { account } = to.record;
    const room = this.#chatWith(account);
    const before = known.get(account);
    if (room === undefined || before === undefined) return this.send(to, "", invitation);
    const newest = store.transaction(() => known.learn(to));
    if (!hasDeviceOf(before, newest)) return this.#ask(newest, "", invitation);
    if (before.record.server === newest.record.server && homes.former.length === 0)
      throw engineError("already-contact");
    return this.#findAgain(newest, room);
  }

  #checkAskable(to: OpenedAccountRecord): void {
    const { store, identity, known } = this.#ports;
    known.check(to);
    if (to.record.account === identity.account) throw engineError("is-self");
    if (store.accounts.isBlocked(to.record.account)) throw engineError("you-blocked");
  }

  /** Where it cannot be entered, and nobody is there any more who could let us in, another chat takes its place. */
  #chatWith(account: AccountId): RoomId | undefined {
    const { store, rooms } = this.#ports;
    const contact = store.accounts.contact(account);
    const isIn = contact !== undefined && store.rooms.hasGroup(contact.room);
    return isIn && rooms.get(contact.room).state === "open" ? contact.room : undefined;
  }

  /** What asks for the way into our chat brings our record; the way itself is not needed. */
  #findAgain(to: OpenedAccountRecord, room: RoomId): RequestRow {
    const { store, notes, outgoing, clock, random, changes } = this.#ports;
    const { account, server } = to.record;
    const id = requestId.fromBytes(random.bytes(16));
    store.transaction(() => {
      store.requests.insert({
        ...{ id, direction: "outgoing", account, server, text: "", createdAt: clock.now() },
        ...{ why: asked.byInvitation, state: "accepted", cause: null, room, keyPackage: null },
      });
      outgoing.enqueue(notes.envelope(to, id, { kind: "enter", room }));
      changes.mark("request", id);
    });
    outgoing.pump();
    return this.get(id);
  }

  #ask(to: OpenedAccountRecord, text: string, invitation: UsedInvitation | undefined): RequestRow {
    const { store, outgoing } = this.#ports;
    const { account } = to.record;
    const theirs = store.requests.pending("incoming", account);
    if (theirs !== undefined) return this.#acceptNow(theirs);
    const waiting = store.requests.pending("outgoing", account);
    if (waiting !== undefined && invitation === undefined) return waiting;
    const { id, commit } = this.#prepareRequest(to, text, invitation);
    store.transaction(() => {
      if (waiting !== undefined) this.#withdrawNow(waiting, to);
      commit();
    });
    outgoing.pump();
    return this.get(id);
  }

  accept(id: RequestId): RequestRow {
    return this.#acceptNow(this.#pendingIncoming(id));
  }

  /** The sender is not told. */
  decline(id: RequestId): void {
    const request = this.#pendingIncoming(id);
    this.#ports.store.requests.settle(request.id, "declined");
    this.#marked(request);
  }

  /** Takes our own request back. An acceptance that crosses with it is answered with `gone`. */
  withdraw(id: RequestId): void {
    const { store, known, outgoing } = this.#ports;
    const request = this.get(id);
    if (request.direction !== "outgoing" || request.state !== "pending") throw engineError("request-settled");
    const to = known.get(request.account);
    if (to === undefined) throw new Error("assertion: a request's recipient is kept");
    store.transaction(() => this.#withdrawNow(request, to));
    outgoing.pump();
  }

  /**
   * Within a transaction: makes the room for a request, with group state, contact and outgoing acceptance. Where the key
   * package is no good any more, the request fails instead.
   * @param how `invited`: they accepted our invitation, and nobody is asked here
   */
  openRoom(request: RequestRow, how: "asked" | "invited" = "asked"): void {
    const { store, known, rooms, notes, outgoing, names, server: hub } = this.#ports;
    const peer = known.get(request.account);
    const { keyPackage } = request;
    if (peer === undefined || keyPackage === null)
      throw new Error("assertion: a pending request keeps its sender");
    const name = names.shown(request.account);
    const made = makePair(this.#ports, { peer, keyPackage, hub });
    if (made === undefined) {
      store.requests.settle(request.id, "failed", {
        cause: encodeCause(causeOfCode("key-package-refused")),
      });
      return this.#marked(request);
    }
    const { welcome, key, ...pair } = made;
    // First of all: from here on the group is erased where the transaction fails.
    rooms.addPair(
      { ...pair, peer: request.account },
      how === "invited" ? `${name} accepted your invitation.` : `You accepted ${name}'s request.`,
    );
    store.requests.settle(request.id, "accepted", { room: pair.id });
    const acceptance = { kind: "acceptance", room: pair.id, hub, welcome, key } as const;
    outgoing.enqueue(notes.envelope(peer, request.id, acceptance));
    this.#marked(request);
  }

  #acceptNow(request: RequestRow): RequestRow {
    const { store, outgoing } = this.#ports;
    store.transaction(() => this.openRoom(request));
    outgoing.pump();
    const settled = this.get(request.id);
    if (settled.state !== "accepted") throw engineError("key-package-refused");
    return settled;
  }

  #prepareRequest(
    to: OpenedAccountRecord,
    text: string,
    invitation: UsedInvitation | undefined,
  ): { id: RequestId; commit: Commit } {
    const { store, identity, known, notes, outgoing, roomCrypto, primitives, clock, random, changes } =
      this.#ports;
    const { account, server } = to.record;
    const idBytes = random.bytes(16);
    const id = requestId.fromBytes(idBytes);
    const own = roomCrypto.createKeyPackage(identity.member, "hybrid");
    const proof = invitation && {
      id: invitation.id,
      proof: primitives.hmacSha256(
        invitation.secret,
        invitationProofInput(idBytes, accountId.toBytes(identity.account), accountId.toBytes(account)),
      ),
    };
    const envelope = notes.envelope(to, id, {
      kind: "request",
      text,
      keyPackages: [own.keyPackage],
      ...(proof === undefined ? {} : { invitation: proof }),
    });
    const createdAt = clock.now();
    const commit = () => {
      known.learn(to);
      const { reference, keyPackage, privatePart } = own;
      store.requests.insertKeyPackage({
        reference,
        keyPackage,
        privatePart,
        suite: "hybrid",
        purpose: "request",
        request: id,
        createdAt,
      });
      store.requests.insert({
        ...{ id, direction: "outgoing", account, server, text, createdAt, state: "pending" },
        why: invitation === undefined ? asked.byOurselves : asked.byInvitation,
        ...{ cause: null, room: null, keyPackage: null },
      });
      outgoing.enqueue(envelope);
      changes.mark("request", id);
      changes.mark("people", server);
    };
    return { id, commit };
  }

  #withdrawNow(request: RequestRow, to: OpenedAccountRecord): void {
    const { store, notes, outgoing } = this.#ports;
    store.requests.settle(request.id, "withdrawn");
    store.requests.deleteKeyPackagesOf(request.id);
    outgoing.enqueue(notes.envelope(to, request.id, { kind: "withdrawal" }));
    this.#marked(request);
  }

  #pendingIncoming(id: RequestId): RequestRow {
    const request = this.get(id);
    if (request.direction !== "incoming" || request.state !== "pending") throw engineError("request-settled");
    return request;
  }

  #marked({ id, server }: { id: RequestId; server: RequestRow["server"]; account: AccountId }): void {
    this.#ports.changes.mark("request", id);
    this.#ports.changes.mark("people", server);
    this.#ports.changes.status();
  }
}
