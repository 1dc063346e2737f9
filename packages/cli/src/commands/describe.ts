/** The engine's views in words and columns. Everything that others wrote is cleaned here. */
import type {
  Cause,
  Directory,
  Message,
  NearbyServer,
  Person,
  RelaysFor,
  Request,
  Room,
  Server,
  UnlinkedServer,
} from "@fedchat/engine/interface";
import { formatAddress } from "../config/text-forms.ts";
import { cleanLine, cleanText } from "../terminal/clean.ts";
import type { Style } from "../terminal/style.ts";

export function clock(ms: number): string {
  return new Date(ms).toLocaleTimeString(undefined, { hour: "2-digit", minute: "2-digit", hourCycle: "h23" });
}

export function day(ms: number): string {
  return new Date(ms).toLocaleDateString(undefined, { dateStyle: "medium" });
}

export function ago(ms: number | null, now: number): string {
  if (ms === null) return "never";
  const seconds = Math.max(0, Math.round((now - ms) / 1_000));
  if (seconds < 60) return `${seconds} s ago`;
  if (seconds < 3_600) return `${Math.floor(seconds / 60)} min ago`;
  return seconds < 86_400 ? `${Math.floor(seconds / 3_600)} h ago` : day(ms);
}

/** `cause.sentence`, and what to do. */
export function because(cause: Cause | null): string {
  if (cause === null) return "";
  return cleanLine(cause.sentence + (cause.fix === null ? "" : ` ${cause.fix}`));
}

export function personRow(person: Person, style: Style): string[] {
  const presence = {
    online: style.good("● online"),
    offline: style.dim("○ offline"),
    unknown: style.dim("· unknown"),
  }[person.presence];
  const relation = {
    self: "you",
    contact: "contact",
    requested: "you asked for a chat",
    requesting: "asks for a chat",
    none: "",
    blocked: "blocked",
  }[person.relation];
  return [
    presence,
    style.bold(cleanLine(person.displayName)),
    cleanLine(person.address),
    cleanLine(person.serverName),
    style.dim(relation),
  ];
}

export function requestRow(request: Request, style: Style): string[] {
  return [
    request.direction === "incoming" ? "from" : "to",
    style.bold(cleanLine(request.displayName)),
    cleanLine(request.address),
    request.state === "pending" ? style.accent("pending") : style.dim(request.state),
    style.dim(`${day(request.createdAt)} ${clock(request.createdAt)}`),
    style.dim(request.requestId.slice(0, 8)),
    cleanLine(request.text),
  ];
}

const trustWords: Record<Server["trust"], string> = {
  mutual: "mutual",
  incoming: "they linked you",
  outgoing: "not linked back yet",
  blocked: "blocked",
};

/** State, name, who linked whom, the way it takes or where it is, and what there is to say of it. */
export function serverRow(server: Server, style: Style, now: number): string[] {
  const place = server.addresses.map(formatAddress).join(", ");
  const origin = server.origin === "directory" ? ", by a directory" : "";
  const renewed = server.replaced === undefined ? "" : `, new key since ${day(server.replaced.since)}`;
  return [
    stateWord(server, style),
    style.bold(cleanLine(server.shownName)),
    `${trustWords[server.trust]}${origin}${renewed}`,
    server.state === "connected" ? wayWords(server) : cleanLine(place),
    style.dim(linkWords(server, now)),
  ];
}

export function stateWord({ state }: Pick<Server, "state">, style: Style): string {
  return {
    connected: style.good("● connected"),
    connecting: style.warn("◌ connecting"),
    waiting: style.warn("◌ waiting"),
    refused: style.bad("✕ refused"),
    off: style.dim("○ off"),
  }[state];
}

export const wayWords = ({ via }: Pick<Server, "via">): string =>
  via.length === 0 ? "direct" : `through ${via.map(cleanLine).join(", then ")}`;

/** Of a server that is not linked nobody is told how much waits for it, or when it was heard last. */
type Connecting = Pick<Server, "state" | "cause" | "roundTripMs" | "nextTryAt"> &
  Partial<Pick<Server, "queueDepth" | "lastContactAt">>;

/** As `serverRow`, of a server that is not linked: who of ours lives there, in place of who linked whom. */
export function unlinkedRow(server: UnlinkedServer, style: Style, now: number): string[] {
  const { people, addresses } = server;
  const shown = people.slice(0, 3).map(cleanLine).join(", ");
  const more = people.length > 3 ? ` and ${people.length - 3} more` : "";
  return [
    stateWord(server, style),
    style.bold(cleanLine(server.shownName)),
    shown === "" ? "not linked" : `not linked, has ${shown}${more}`,
    server.state === "connected" ? wayWords(server) : cleanLine(addresses.map(formatAddress).join(", ")),
    style.dim(linkWords(server, now)),
  ];
}

/** `12 ms, 3 bundles waiting`; of one that is not connected why, since when, and when it is tried again. */
function linkWords(server: Connecting, now: number): string {
  const { state, cause, roundTripMs, queueDepth = 0, lastContactAt, nextTryAt } = server;
  const waiting =
    queueDepth === 0 ? [] : [`${queueDepth} ${queueDepth === 1 ? "bundle" : "bundles"} waiting`];
  if (state === "connected")
    return [...(roundTripMs === null ? [] : [`${Math.round(roundTripMs)} ms`]), ...waiting].join(", ");
  const contact = lastContactAt === undefined ? [] : [`last contact ${ago(lastContactAt, now)}`];
  const next =
    nextTryAt === null ? [] : [`next try in ${Math.max(0, Math.ceil((nextTryAt - now) / 1_000))} s`];
  const said = [...contact, ...waiting, ...next].join(", ");
  if (cause === null) return said;
  return said === "" ? because(cause) : `${because(cause)} (${said})`;
}

export const relaysForWords: Record<RelaysFor, string> = {
  nobody: "for nobody",
  linked: "for linked servers",
  anyone: "for anyone",
};

export function directoryRow(directory: Directory, style: Style, now: number): string[] {
  const { state, shownName, address, servers, cause, nextTryAt } = directory;
  const word = {
    connected: style.good("● connected"),
    connecting: style.warn("◌ connecting"),
    waiting: style.warn("◌ waiting"),
  }[state];
  const next =
    nextTryAt === null ? "" : ` Next try in ${Math.max(0, Math.ceil((nextTryAt - now) / 1_000))} s.`;
  const more =
    state === "connected"
      ? `${servers} ${servers === 1 ? "server" : "servers"} announced`
      : because(cause) + next;
  return [
    word,
    style.bold(cleanLine(shownName)),
    "directory",
    cleanLine(formatAddress(address)),
    style.dim(more),
  ];
}

/** The id in full: it is what tells one server from another that took its name. */
export function nearbyRow({ shownName, trust, addresses, serverId }: NearbyServer, style: Style): string[] {
  return [
    style.bold(cleanLine(shownName)),
    trust === null ? "not linked" : trustWords[trust],
    cleanLine(addresses.map(formatAddress).join(", ")),
    style.dim(serverId),
  ];
}

export function roomRow(room: Room, style: Style, now: number): string[] {
  const last = room.lastMessage;
  return [
    room.unread > 0 ? style.accent(String(room.unread)) : style.dim("·"),
    style.bold(cleanLine(room.title)),
    style.dim(ago(room.lastActivityAt, now)),
    style.dim(room.roomId),
    last === null ? "" : [...cleanLine(preview(last))].slice(0, 60).join(""),
  ];
}

function preview({ kind, mine, senderName, text }: Message): string {
  return kind === "notice" ? text : `${mine ? "you" : senderName}: ${text}`;
}

/** One message for people: time, sender, text; further lines are indented so that none can pass for a message. */
export function messageLine(message: Message, style: Style, roomTitle?: string): string {
  const who = message.mine ? style.accent("you") : style.bold(cleanLine(message.senderName));
  const where = roomTitle === undefined ? "" : style.dim(` [${cleanLine(roomTitle)}]`);
  const state = message.mine && message.state !== null ? style.dim(` (${message.state})`) : "";
  if (message.kind === "notice")
    return `${style.dim(clock(message.sentAt))} ${style.dim(cleanText(message.text, "      "))}`;
  return `${style.dim(clock(message.sentAt))} ${who}${where}: ${cleanText(message.text, "      ")}${state}`;
}
