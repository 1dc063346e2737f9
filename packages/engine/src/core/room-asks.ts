/**
 * Asking to be let into rooms of many. We ask by a link, without being anybody's contact: its maker and others who may
 * let people in, with the key packages to do it by; whoever answers first takes us in. Of those who ask here nothing is
 * shown but name, server and fingerprint; what their link opens is the room's rule. Declining is silent. [I7] to [I11]
 */
import type {
  AccountId,
  AccountNote,
  Clock,
  OpenedAccountRecord,
  Primitives,
  RandomSource,
  RequestId,
  RoomId,
  RoomLinkPlace,
} from "@fedchat/protocol";
import {
  accountId,
  encodeBase32,
  keyPackageSuites,
  openAccountRecord,
  ProtocolError,
  requestId,
  roomId,
  roomLinkProofInput,
} from "@fedchat/protocol";
import type { Invitation } from "@fedchat/protocol";
import type { RoomCrypto } from "../mls/room-crypto.ts";
import type { RoomState } from "../room-state/room-state.ts";
import type { EngineStore } from "../store/engine-store.ts";
import type { RoomAskRow } from "../store/room-asks-table.ts";
import { askContent, type AsksAgain, isInside } from "./asks-again.ts";
import { keptKeyPackages } from "./asked-key-packages.ts";
import { causeOf, engineError } from "./causes.ts";
import type { Changes } from "./changes.ts";
import { certificateOf } from "./credentials.ts";
import type { GroupRooms } from "./group-rooms.ts";
import type { Groups } from "./groups.ts";
import type { Identity } from "./identity.ts";
import type { Commit } from "./inbox.ts";
import { parsedInvitation } from "./invitations.ts";
import type { KnownAccounts } from "./known-accounts.ts";
import { pendingIncomingRequestsMax, settledRequestMemoryMs } from "./limits.ts";
import type { Log } from "./log.ts";
import type { NotesSender } from "./notes-sender.ts";
import type { Outgoing } from "./outgoing.ts";
import type { Homeserver } from "./ports.ts";
import type { Rooms } from "./rooms.ts";
import { mayTakeIn, type RoomLinks } from "./room-links.ts";
import type { OpenedNote } from "./sealed-notes.ts";
import type { Servers } from "./servers.ts";

export interface RoomAsksPorts {
  store: EngineStore;
  identity: Identity;
  known: KnownAccounts;
  servers: Servers;
  rooms: Rooms;
  groups: Groups;
  groupRooms: GroupRooms;
  links: RoomLinks;
  notes: NotesSender;
  outgoing: Outgoing;
  again: Pick<AsksAgain, "lookSoon">;
  roomCrypto: RoomCrypto;
  homeserver: Homeserver;
  primitives: Primitives;
  clock: Clock;
  random: RandomSource;
  changes: Changes;
  log: Log;
}

type AskNote = Extract<AccountNote["content"], { kind: "ask" }>;

/** One of whom we ask, or a server that is only to be known. */
type Place = RoomLinkPlace & Pick<Invitation, "relays">;

export class RoomAsks {
  readonly #ports: RoomAsksPorts;

  constructor(ports: RoomAsksPorts) {
    this.#ports = ports;
  }

  /**
   * Asks by a link those who can be reached now; an ask that waits goes to those who were not reached before, or whose
   * server refused it for now. Rejects with `EngineError`, or as nobody was reached.
   */
  async ask(link: string): Promise<RoomAskRow> {
    const { store, identity, clock } = this.#ports;
    const invitation = parsedInvitation(link);
    const { room, id, secret, inviter, server, addresses, relays } = invitation;
    if (room === undefined) throw engineError("bad-invitation");
    if (inviter === identity.account) throw engineError("own-invitation");
    if (invitation.expires <= clock.now()) throw new ProtocolError("expired");
    this.#notIn(room.id);
    const waiting = store.roomAsks.pending("outgoing", room.id);
    const places: Place[] = [
      { server, account: inviter, addresses, relays },
      ...room.also.map((place) => ({ ...place, relays: place.server === server ? relays : [] })),
    ];
    const asked = await this.#reached(places, new Set(waiting && store.roomAsks.asked(waiting.id)));
    this.#notIn(room.id);
    const row = waiting ?? {
      ...{ id: requestId.fromBytes(this.#ports.random.bytes(16)), direction: "outgoing" as const },
      ...{ room: room.id, roomName: room.name, account: inviter, server, createdAt: clock.now() },
      ...{ state: "pending" as const, cause: null, link: encodeBase32(id), keyPackages: null },
      ...{ proof: null, sentAgain: 0 },
    };
    return this.#send(row, asked, { id, secret }, waiting === undefined);
  }

  /** Takes an ask of ours back, wherever it is known. */
  withdraw(id: RequestId): void {
    const { store, known, notes, outgoing } = this.#ports;
    const ask = this.#pending(id, "outgoing");
    store.transaction(() => {
      store.roomAsks.settle(id, "withdrawn");
      store.requests.deleteKeyPackagesOf(id);
      for (const account of store.roomAsks.asked(id)) {
        const record = known.get(account);
        const envelope = record && notes.envelopeIfUsable(record, id, { kind: "withdrawal" });
        if (envelope !== undefined) outgoing.enqueue(envelope);
      }
    });
    outgoing.pump();
    this.#changed(ask);
  }

  /** A person here lets somebody in. Throws what the room's rules say against it. */
  admit(id: RequestId): void {
    const { store, groupRooms } = this.#ports;
    const ask = this.#pending(id, "incoming");
    groupRooms.letIn(ask.room, ask.account);
    store.roomAsks.settle(id, "admitted");
    if (ask.link !== null) store.roomAsks.useLink(ask.link);
    this.#changed(ask);
  }

  /** They are not told. */
  decline(id: RequestId): void {
    const ask = this.#pending(id, "incoming");
    this.#ports.store.roomAsks.settle(id, "declined");
    this.#changed(ask);
  }

  /** Somebody asks here. What the room does not allow is passed over in silence. */
  prepare(note: OpenedNote, { room: id, keyPackages, link }: AskNote): Commit {
    const { store, known, clock, links, groupRooms } = this.#ports;
    const { account, server } = note.sender.record;
    if (store.roomAsks.get(note.request) !== undefined) throw passedOver("that was seen before");
    const state = this.#openRoom(id);
    const usable = this.#usable(note.sender, state, keyPackages);
    if (link === null || !links.admits(note, state, link)) throw passedOver("by no link that holds here");
    if (!groupRooms.mayLetIn(id, note.sender)) throw passedOver("by somebody whom the room does not let in");
    const former = store.roomAsks.pending("incoming", id, account);
    const row: RoomAskRow = {
      ...{ id: note.request, direction: "incoming", room: id, roomName: state.name, account, server },
      ...{ createdAt: clock.now(), state: "pending", cause: null, link: encodeBase32(link.id) },
      ...{ keyPackages: keptKeyPackages(usable), proof: null, sentAgain: 0 },
    };
    return () => {
      known.learn(note.sender);
      known.answers(note.sender);
      if (former !== undefined) store.roomAsks.settle(former.id, "withdrawn");
      store.roomAsks.insert(row);
      this.#changed(row);
      this.#dropOldest();
      if (state.join !== "open" || !store.roomAsks.useLink(row.link!)) return;
      store.roomAsks.settle(row.id, "admitted");
      store.afterwards((committed) => committed && clock.soon(() => this.#letIn(row)));
    };
  }

  /** They do not ask any more; undefined where this is no ask's withdrawal. */
  withdrawn(note: OpenedNote): Commit | undefined {
    const { store } = this.#ports;
    const ask = store.roomAsks.get(note.request);
    if (ask?.direction !== "incoming" || ask.account !== note.sender.record.account) return undefined;
    return () => {
      if (ask.state === "pending") store.roomAsks.settle(ask.id, "withdrawn");
      this.#changed(ask);
    };
  }

  /** Engines that stopped between an ask and its admission go on; so does what was refused for now. */
  resume(): void {
    const { store, again } = this.#ports;
    again.lookSoon();
    for (const ask of store.roomAsks.list()) {
      if (ask.direction === "incoming" && ask.state === "admitted" && ask.keyPackages !== null)
        this.#letIn(ask);
    }
  }

  #letIn({ id, room, account }: RoomAskRow): void {
    const { store, groupRooms, log } = this.#ports;
    try {
      groupRooms.letIn(room, account);
    } catch (error) {
      // Others changed the room meanwhile, or let them in.
      log.info("somebody who asked is not let in", { room, code: causeOf(error).code });
      store.roomAsks.settle(id, "declined");
    }
  }

  /** Records of those who can be asked; the other places are made known to our homeserver. */
  async #reached(places: readonly Place[], before: ReadonlySet<AccountId>): Promise<OpenedAccountRecord[]> {
    const { homeserver, primitives, log, identity } = this.#ports;
    const [maker] = places;
    let failure: unknown;
    const looked = await Promise.all(
      places.map(async ({ server, account, addresses, relays }) => {
        if (account === identity.account || (account !== null && before.has(account))) return undefined;
        try {
          const wanted = account ?? maker!.account!;
          const query = { server, account: wanted, invited: { addresses, relays } };
          const { record } = await homeserver.request("people.lookup", query);
          if (account === null) return undefined;
          const opened = record === null ? undefined : openAccountRecord(primitives, record);
          if (opened?.record.account === account && opened.record.server === server) return opened;
          failure ??= new ProtocolError("unknown-account");
        } catch (error) {
          if (account !== null) failure ??= error;
          log.info("somebody who could let us in is not reached", { code: causeOf(error).code });
        }
        return undefined;
      }),
    );
    const reached = looked.filter((one) => one !== undefined);
    if (reached.length === 0 && before.size === 0) throw failure ?? new ProtocolError("unreachable");
    return reached;
  }

  #send(
    row: RoomAskRow,
    asked: readonly OpenedAccountRecord[],
    { id, secret }: { id: Uint8Array; secret: Uint8Array },
    isNew: boolean,
  ): RoomAskRow {
    const { store, known, identity, notes, outgoing, roomCrypto, primitives, clock } = this.#ports;
    // It is not known here for which kind of room they are.
    const own = (isNew ? keyPackageSuites : []).map((suite) => ({
      ...roomCrypto.createKeyPackage(identity.member, suite),
      suite,
    }));
    const keyPackages = isNew
      ? own.map(({ keyPackage }) => keyPackage)
      : store.requests.keyPackagesOf(row.id);
    const input = roomLinkProofInput(
      requestId.toBytes(row.id),
      accountId.toBytes(identity.account),
      roomId.toBytes(row.room),
    );
    const by = { link: encodeBase32(id), proof: primitives.hmacSha256(secret, input) };
    const content = askContent({ room: row.room, ...by }, keyPackages);
    for (const record of asked) known.check(record);
    const refused = store.roomAsks.refusedBy(row.id).flatMap((account) => known.get(account) ?? []);
    store.transaction(() => {
      if (isNew) store.roomAsks.insert({ ...row, ...by });
      else store.roomAsks.askBy(row.id, by);
      for (const one of own)
        store.requests.insertKeyPackage({
          ...one,
          ...{ purpose: "request", request: row.id, createdAt: clock.now() },
        });
      for (const record of [...asked, ...refused]) {
        known.learn(record);
        store.roomAsks.addAsked(row.id, record.record.account);
        outgoing.enqueue(notes.envelope(record, row.id, content));
      }
    });
    outgoing.pump();
    this.#changed(row);
    return row;
  }

  #notIn(id: RoomId): void {
    if (isInside(this.#ports.store, id)) throw engineError("in-room");
  }

  /** A room in which this account may let people in who ask. */
  #openRoom(id: RoomId): RoomState {
    const { store, groups, roomCrypto, identity } = this.#ports;
    const state = store.rooms.get(id)?.state === "open" ? groups.of(id) : undefined;
    const room = state && roomCrypto.room(state);
    if (room === undefined || room.room !== id) throw passedOver("about no room of ours");
    if ((room.join !== "approval" && room.join !== "open") || !mayTakeIn(room, identity.account))
      throw passedOver("where we let nobody in who asks");
    return room;
  }

  /** A key package of each of their devices, certified as theirs. */
  #usable(
    sender: OpenedAccountRecord,
    { room }: RoomState,
    keyPackages: readonly Uint8Array[],
  ): Uint8Array[] {
    const { groups, roomCrypto, primitives } = this.#ports;
    const suite = roomCrypto.suite(groups.of(room)!);
    const byDevice = new Map<string, Uint8Array>();
    for (const keyPackage of keyPackages) {
      const info = roomCrypto.inspectKeyPackage(keyPackage, suite);
      const certificate = info && certificateOf(primitives, info, sender);
      if (certificate !== undefined) byDevice.set(certificate.device, keyPackage.slice());
    }
    if (byDevice.size === 0) throw passedOver("without a key package of its sender");
    return [...byDevice.values()];
  }

  /** A stranger may ask, a thousand strangers may not fill the store. */
  #dropOldest(): void {
    const { store, clock } = this.#ports;
    for (const dropped of store.roomAsks.pendingIncomingBeyond(pendingIncomingRequestsMax)) {
      store.roomAsks.settle(dropped.id, "declined");
      this.#changed(dropped);
    }
    store.roomAsks.forgetSettledBefore(clock.now() - settledRequestMemoryMs);
  }

  /** Throws `EngineError`. */
  #pending(id: RequestId, direction: RoomAskRow["direction"]): RoomAskRow {
    const ask = this.#ports.store.roomAsks.get(id);
    if (ask?.direction !== direction) throw engineError("unknown-request");
    if (ask.state !== "pending") throw engineError("request-settled");
    return ask;
  }

  #changed({ id, room }: Pick<RoomAskRow, "id" | "room">): void {
    const { store, changes } = this.#ports;
    changes.mark("roomAsk", id);
    if (store.rooms.get(room) !== undefined) changes.mark("room", room);
    changes.status();
  }
}

function passedOver(what: string): ProtocolError {
  return new ProtocolError("malformed", `ask: ${what}`);
}
