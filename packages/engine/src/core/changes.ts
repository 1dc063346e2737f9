/**
 * Tells subscribers what changed, as whole new views. Parts of the engine mark what they touched; the views are read
 * from the store once the turn is over, so nobody is told what was not committed, and ten changes of one thing are one
 * event.
 */
import type { AccountId, Clock, MessageId, RequestId, RoomId, ServerId } from "@fedchat/protocol";
import type {
  Contact,
  Devices,
  EngineEvent,
  Invitation,
  Message,
  Nearby,
  Notice,
  Person,
  Request,
  Room,
  RoomAsk,
  Server,
  Status,
} from "../interface/index.ts";
import type { Log } from "./log.ts";

/** Present views by their identifiers; undefined where there is none (any more). */
export interface ViewSource {
  status(): Status;
  serverById(server: ServerId): Server | undefined;
  nearby(): Nearby;
  peopleOf(server: ServerId): Person[];
  requestById(request: RequestId): Request | undefined;
  contactById(account: AccountId): Contact | undefined;
  invitationById(invitation: string): Invitation | undefined;
  roomById(room: RoomId): Room | undefined;
  roomAskById(ask: RequestId): RoomAsk | undefined;
  messageById(message: MessageId): Message | undefined;
  noticeById(notice: number): Notice | undefined;
  devices(): Devices;
}

type Marks = {
  server: ServerId;
  nearby: undefined;
  people: ServerId;
  request: RequestId;
  contact: AccountId;
  invitation: string;
  room: RoomId;
  roomAsk: RequestId;
  draft: RoomId;
  /** Messages of before came into the room, or moved in it. */
  history: RoomId;
  notice: number;
  devices: undefined;
};
type Kind = keyof Marks;

/** Containers before what they contain, so that a screen knows a message's room. */
const order: Kind[] = [
  "server",
  "nearby",
  "people",
  "contact",
  "request",
  "room",
  "roomAsk",
  "draft",
  "history",
  "invitation",
  "notice",
  "devices",
];

export class Changes {
  readonly #clock: Pick<Clock, "soon">;
  readonly #log: Log;
  readonly #listeners = new Set<(event: EngineEvent) => void>();
  #views: ViewSource | undefined;
  #marked = new Map<Kind, Set<unknown>>();
  #messages = new Map<MessageId, "added" | "changed">();
  #removed = new Map<MessageId, RoomId>();
  #statusMarked = false;
  #due = false;

  constructor({ clock, log }: { clock: Pick<Clock, "soon">; log: Log }) {
    this.#clock = clock;
    this.#log = log;
  }

  /** Told of each mark. */
  watch: (kind: string, id: unknown) => void = () => undefined;

  /** Where views come from: set once, before the first mark. */
  show(views: ViewSource): void {
    this.#views = views;
  }

  listen(listener: (event: EngineEvent) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** Nothing is told any more. */
  stop(): void {
    this.#listeners.clear();
  }

  mark<K extends Kind>(kind: K, id: Marks[K]): void {
    const marked = this.#marked.get(kind) ?? new Set();
    this.#marked.set(kind, marked.add(id));
    this.watch(kind, id);
    this.#flushSoon();
  }

  status(): void {
    this.#statusMarked = true;
    this.#flushSoon();
  }

  /** A message was added to its room, which counts and sorts anew. */
  messageAdded(message: MessageId, room: RoomId): void {
    this.#messages.set(message, "added");
    this.mark("room", room);
    this.status();
  }

  /** It expired: nothing of it is here any more. */
  messageRemoved(message: MessageId, room: RoomId): void {
    this.#removed.set(message, room);
    this.mark("room", room);
    this.status();
  }

  messageChanged(message: MessageId): void {
    if (!this.#messages.has(message)) this.#messages.set(message, "changed");
    this.#flushSoon();
  }

  #flushSoon(): void {
    if (this.#due) return;
    this.#due = true;
    this.#clock.soon(() => this.#flush());
  }

  #flush(): void {
    this.#due = false;
    const [marked, messages, statusMarked] = [this.#marked, this.#messages, this.#statusMarked];
    const removed = this.#removed;
    this.#removed = new Map();
    this.#marked = new Map();
    this.#messages = new Map();
    this.#statusMarked = false;
    // Nobody listens, or the store is closed.
    if (this.#listeners.size === 0 || this.#views === undefined) return;
    for (const kind of order) {
      for (const id of marked.get(kind) ?? []) this.#tell(() => this.#eventOf(kind, id));
    }
    for (const [messageId, roomId] of removed)
      this.#tell(() => ({ type: "message.removed", messageId, roomId }));
    for (const [id, change] of messages) {
      this.#tell((views) => {
        const message = views.messageById(id);
        return message && { type: `message.${change}`, message };
      });
    }
    if (statusMarked) this.#tell((views) => ({ type: "status.changed", status: views.status() }));
  }

  #eventOf(kind: Kind, id: unknown): EngineEvent | undefined {
    const views = this.#views!;
    switch (kind) {
      case "server": {
        const server = views.serverById(id as ServerId);
        return server
          ? { type: "server.changed", server }
          : { type: "server.removed", serverId: id as ServerId };
      }
      case "nearby":
        return { type: "nearby.changed", nearby: views.nearby() };
      case "people":
        return { type: "people.changed", serverId: id as ServerId, people: views.peopleOf(id as ServerId) };
      case "request": {
        const request = views.requestById(id as RequestId);
        return request && { type: "request.changed", request };
      }
      case "contact": {
        const contact = views.contactById(id as AccountId);
        return contact && { type: "contact.changed", contact };
      }
      case "invitation": {
        const invitation = views.invitationById(id as string);
        return invitation && { type: "invitation.changed", invitation };
      }
      case "room": {
        const room = views.roomById(id as RoomId);
        return room && { type: "room.changed", room };
      }
      case "roomAsk": {
        const ask = views.roomAskById(id as RequestId);
        return ask && { type: "roomAsk.changed", ask };
      }
      case "draft": {
        const room = views.roomById(id as RoomId);
        return room && { type: "draft.changed", roomId: room.roomId, text: room.draft };
      }
      case "history":
        return { type: "history.changed", roomId: id as RoomId };
      case "notice": {
        const notice = views.noticeById(id as number);
        return notice && { type: "notice.added", notice };
      }
      case "devices":
        return { type: "devices.changed", devices: views.devices() };
    }
  }

  /** One view that cannot be made must not keep the others from being told. */
  #tell(make: (views: ViewSource) => EngineEvent | undefined): void {
    let event: EngineEvent | undefined;
    try {
      event = make(this.#views!);
    } catch (error) {
      this.#log.warn("a change was not told", { error: String(error) });
    }
    if (event === undefined) return;
    for (const listener of this.#listeners) listener(event);
  }
}
