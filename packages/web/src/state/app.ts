/**
 * All that the screen knows, one collection a noun, kept true by the engine's events and fetched anew whenever the
 * connection opens. The screens read from here and ask the engine; they keep nothing of their own that could go stale.
 */
import type {
  Cause,
  Contact,
  Devices,
  EngineEvent,
  Invitation,
  Message,
  MethodName,
  Nearby,
  Notice,
  Params,
  Person,
  Request,
  Result,
  Room,
  RoomAsk,
  Screens,
  Server,
  Status,
} from "@fedchat/engine/interface";
import { createMemo, createSignal } from "solid-js";
import { createStore, reconcile } from "solid-js/store";
import { warmConversationsMax } from "../limits.ts";
import { CallFailed, openRpc, type Connection, type Rpc, type RpcPorts } from "../rpc.ts";
import { createCollection, type Collection } from "./collection.ts";
import { createDrafts, type Drafts } from "./drafts.ts";
import { createPlace, type Place } from "./place.ts";
import type { InBrowser } from "./in-browser.ts";
import { createTimeline, type Timeline } from "./timeline.ts";
import { say } from "./toasts.ts";

export interface App {
  place: Place;
  /** Where the engine lives in this very browser; null where this is a screen of an engine elsewhere. */
  inBrowser: InBrowser | null;
  connection(): Connection;
  /** Null until the engine has told it for the first time. */
  status(): Status | null;
  /** Everything was fetched at least once. */
  ready(): boolean;
  servers: Collection<Server>;
  /** Servers in the local network; null where this person may not see them, or before they were told. */
  nearby(): Nearby | null;
  people: Collection<Person>;
  requests: Collection<Request>;
  contacts: Collection<Contact>;
  invitations: Collection<Invitation>;
  rooms: Collection<Room>;
  /** Who asks to be let into rooms here, and where this person asked. */
  asks: Collection<RoomAsk>;
  /** Counts up whenever the engine tells of this room, so that what a room's view does not hold is asked again. */
  roomTold(roomId: string): number;
  notices: Collection<Notice>;
  blocked: Collection<{ account: string; displayName: string }>;
  /** Screens on other devices; null until they were told for the first time. */
  screens(): Screens | null;
  setScreens(screens: Screens): void;
  /** This account's devices, and how far linking one has come; null before they were asked for. */
  devices(): Devices | null;
  setDevices(devices: Devices): void;
  drafts: Drafts;
  unread(): number;
  timeline(roomId: string): Timeline;
  /** This message expired: what shows it elsewhere takes it away. */
  isGone(messageId: string): boolean;
  /** Calls the engine; what fails is thrown. */
  call<M extends MethodName>(method: M, params: Params<M>): Promise<Result<M>>;
  /** Calls the engine; what fails is told in a toast, and the answer is null. */
  ask<M extends MethodName>(method: M, params: Params<M>): Promise<Result<M> | null>;
  retryNow(): void;
  setStatus(status: Status): void;
  /** Fetches every list anew, as after a reconnection. */
  refetch(): void;
}

export function createApp(secret: string, ports: RpcPorts, inBrowser: InBrowser | null = null): App {
  const [connection, setConnection] = createSignal<Connection>({ state: "connecting" });
  const [status, setStatusStore] = createStore<{ now: Status | null }>({ now: null });
  const [screens, setScreens] = createSignal<Screens | null>(null);
  const [devices, setDevices] = createSignal<Devices | null>(null);
  const [ready, setReady] = createSignal(false);
  const [nearby, setNearby] = createSignal<Nearby | null>(null);
  const servers = createCollection<Server>((server) => server.serverId);
  const people = createCollection<Person>((person) => person.account);
  const requests = createCollection<Request>((request) => request.requestId);
  const contacts = createCollection<Contact>((contact) => contact.account);
  const invitations = createCollection<Invitation>((invitation) => invitation.invitationId);
  const rooms = createCollection<Room>((room) => room.roomId);
  const asks = createCollection<RoomAsk>((ask) => ask.askId);
  const notices = createCollection<Notice>((notice) => String(notice.noticeId));
  const blocked = createCollection<{ account: string; displayName: string }>((one) => one.account);
  const [roomsTold, setRoomsTold] = createStore<Record<string, number>>({});
  const [gone, setGone] = createStore<Record<string, true>>({});
  const timelines = new Map<string, Timeline>();

  const rpc: Rpc = openRpc(secret, ports, {
    connection(next) {
      setConnection(next);
      if (next.state === "open") void refetch();
    },
    event,
  });
  const drafts = createDrafts(rpc, rooms);
  const unread = createMemo(() => rooms.all().reduce((sum, room) => sum + room.unread, 0));
  const tell = (roomId: string) => setRoomsTold(roomId, (times = 0) => times + 1);
  const setStatus = (next: Status) => setStatusStore("now", reconcile(next));

  /** Each list stands alone: one that the engine cannot give now must not keep back the others. */
  async function refetch() {
    const fetched = <M extends MethodName>(method: M, params: Params<M>, take: (result: Result<M>) => void) =>
      rpc.call(method, params).then(take, (error: unknown) => {
        if (!(error instanceof CallFailed)) throw error;
        // Whoever has an engine without a program around it has no screens elsewhere.
        if (error.cause.code !== "disconnected" && error.cause.code !== "no-screens")
          say({ level: "danger", cause: error.cause });
      });
    await fetched("engine.status", {}, setStatus);
    if (!status.now?.me) {
      setReady(connection().state === "open");
      return;
    }
    await Promise.all([
      fetched("rooms.list", {}, rooms.replace),
      fetched("servers.list", {}, servers.replace),
      ...(status.now.homeserver.administrator ? [fetched("servers.nearby", {}, setNearby)] : []),
      fetched("requests.list", {}, requests.replace),
      fetched("engine.notices", {}, notices.replace),
      fetched("people.list", {}, people.replace),
      fetched("contacts.list", {}, contacts.replace),
      fetched("contacts.blocked", {}, blocked.replace),
      fetched("invitations.list", {}, invitations.replace),
      fetched("rooms.asks", {}, asks.replace),
      fetched("screens.list", {}, setScreens),
      fetched("devices.list", {}, setDevices),
    ]);
    setReady(true);
    for (const { roomId } of rooms.all()) tell(roomId);
    drafts.flush();
    await Promise.all(
      [...timelines.values()]
        .filter((timeline) => timeline.state.loaded)
        .map((timeline) => timeline.refresh()),
    );
  }

  function event(happened: EngineEvent) {
    switch (happened.type) {
      case "status.changed": {
        const first = !status.now?.me && happened.status.me;
        setStatus(happened.status);
        if (first) void refetch();
        return;
      }
      case "server.changed":
        return servers.put(happened.server);
      case "server.removed":
        servers.remove(happened.serverId);
        for (const person of people.all())
          if (person.serverId === happened.serverId) people.remove(person.account);
        return;
      case "nearby.changed":
        setNearby(happened.nearby);
        return;
      case "people.changed": {
        const kept = new Set(happened.people.map((person) => person.account));
        for (const person of people.all())
          if (person.serverId === happened.serverId && !kept.has(person.account))
            people.remove(person.account);
        for (const person of happened.people) people.put(person);
        return;
      }
      case "request.changed":
        return requests.put(happened.request);
      case "contact.changed":
        contacts.put(happened.contact);
        if (happened.contact.blocked) blocked.put(happened.contact);
        else blocked.remove(happened.contact.account);
        return;
      case "invitation.changed":
        return invitations.put(happened.invitation);
      case "room.changed":
        rooms.put(happened.room);
        tell(happened.room.roomId);
        return drafts.heard(happened.room.roomId, happened.room.draft);
      case "roomAsk.changed":
        return asks.put(happened.ask);
      case "message.added":
        return arrived(happened.message);
      case "message.changed":
        timelines.get(happened.message.roomId)?.change(happened.message);
        return lastChanged(happened.message);
      case "message.removed":
        setGone(happened.messageId, true);
        return timelines.get(happened.roomId)?.remove(happened.messageId);
      case "draft.changed":
        return drafts.heard(happened.roomId, happened.text);
      case "history.changed":
        return void timelines.get(happened.roomId)?.loadAnew();
      case "notice.added":
        return notices.put(happened.notice);
      case "screens.changed":
        return void setScreens(happened.screens);
      case "devices.changed":
        return void setDevices(happened.devices);
    }
  }

  function arrived(message: Message) {
    timelines.get(message.roomId)?.arrive(message);
  }

  /** A chat list shows the state of its last message, whether or not the engine repeats the whole room. */
  function lastChanged(message: Message) {
    const room = rooms.get(message.roomId);
    if (room?.lastMessage?.messageId === message.messageId) rooms.put({ ...room, lastMessage: message });
  }

  function timeline(roomId: string): Timeline {
    const warm = timelines.get(roomId) ?? createTimeline(rpc, roomId, nextFrame);
    timelines.delete(roomId);
    timelines.set(roomId, warm);
    const oldest = timelines.keys().next().value;
    if (timelines.size > warmConversationsMax && oldest !== undefined) timelines.delete(oldest);
    return warm;
  }

  return {
    place: createPlace(),
    inBrowser,
    connection,
    status: () => status.now,
    ready,
    servers,
    nearby,
    people,
    requests,
    contacts,
    invitations,
    rooms,
    asks,
    roomTold: (roomId) => roomsTold[roomId] ?? 0,
    notices,
    blocked,
    screens,
    setScreens,
    devices,
    setDevices,
    drafts,
    unread,
    isGone: (messageId) => gone[messageId] === true,
    timeline,
    call: rpc.call,
    async ask(method, params) {
      try {
        return await rpc.call(method, params);
      } catch (error) {
        say({ level: "danger", cause: causeOf(error) });
        return null;
      }
    },
    retryNow: rpc.retryNow,
    setStatus,
    refetch: () => void refetch(),
  };
}

const nextFrame = () => new Promise<void>((done) => requestAnimationFrame(() => done()));

/** The cause of a failed call; anything else is our own defect and goes on. */
export function causeOf(error: unknown): Cause {
  if (error instanceof CallFailed) return error.cause;
  throw error;
}
