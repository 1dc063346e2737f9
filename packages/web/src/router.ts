/**
 * Where the screen is. Routes are values; the address bar is one spelling of them. Parsing is total: an address that
 * means nothing is the list of chats.
 */
export type Route =
  | { at: "chats" }
  | { at: "room"; roomId: string; messageId: string | null }
  | { at: "window"; roomId: string; messageId: string | null }
  | { at: "people"; account: string | null }
  | { at: "requests"; requestId: string | null }
  | { at: "servers"; serverId: string | null }
  | { at: "link-server" }
  | { at: "doctor" }
  | { at: "map"; serverId: string | null }
  | { at: "relaying" }
  | { at: "settings"; section: string | null }
  | { at: "invite" };

const id = /^[a-z2-7]{16,64}$/;

/** Under which path all of this screen's addresses lie; empty: at the root. */
let base = "";

/** Said once, before the screen is drawn. @param path such as `/app` */
export function serveUnder(path: string): void {
  base = path;
}

export function parseRoute(path: string, query = ""): Route {
  const [, first = "", second = "", rest] = (path.startsWith(base) ? path.slice(base.length) : path).split(
    "/",
  );
  if (rest !== undefined && rest !== "") return { at: "chats" };
  const known = id.test(second) ? second : null;
  switch (first) {
    case "r":
      if (!known) return { at: "chats" };
      return { at: "room", roomId: known, messageId: messageIn(query) };
    case "w":
      return known ? { at: "window", roomId: known, messageId: messageIn(query) } : { at: "chats" };
    case "people":
      return { at: "people", account: known };
    case "requests":
      return { at: "requests", requestId: known };
    case "servers":
      if (second === "link") return { at: "link-server" };
      if (second === "map") return { at: "map", serverId: idIn(query, "s") };
      if (second === "relaying") return { at: "relaying" };
      return second === "doctor" ? { at: "doctor" } : { at: "servers", serverId: known };
    case "settings":
      return { at: "settings", section: /^[a-z]{1,20}$/.test(second) ? second : null };
    case "invite":
      return { at: "invite" };
    default:
      return { at: "chats" };
  }
}

export function routePath(route: Route): string {
  return base === "" ? pathOf(route) : base + pathOf(route).replace(/^\/$/, "");
}

function pathOf(route: Route): string {
  switch (route.at) {
    case "chats":
      return "/";
    case "room":
      return withMessage(`/r/${route.roomId}`, route.messageId);
    case "window":
      return withMessage(`/w/${route.roomId}`, route.messageId);
    case "people":
      return route.account ? `/people/${route.account}` : "/people";
    case "requests":
      return route.requestId ? `/requests/${route.requestId}` : "/requests";
    case "servers":
      return route.serverId ? `/servers/${route.serverId}` : "/servers";
    case "link-server":
      return "/servers/link";
    case "doctor":
      return "/servers/doctor";
    case "map":
      return route.serverId ? `/servers/map?s=${route.serverId}` : "/servers/map";
    case "relaying":
      return "/servers/relaying";
    case "settings":
      return route.section ? `/settings/${route.section}` : "/settings";
    case "invite":
      return "/invite";
  }
}

export const room = (roomId: string, messageId: string | null = null): Route => ({
  at: "room",
  roomId,
  messageId,
});

/** Where the list beside the main pane is that of servers. */
export const amongServers = ({ at }: Route): boolean =>
  at === "servers" || at === "link-server" || at === "doctor" || at === "map" || at === "relaying";

/** The conversation that is open, in the program or in a window of its own. */
export const openRoom = (route: Route): string | null =>
  route.at === "room" || route.at === "window" ? route.roomId : null;

/** A message of the conversation that is open, in whichever kind of window it is open. */
export const messageOf = (route: Route, roomId: string, messageId: string | null): Route => ({
  at: route.at === "window" ? "window" : "room",
  roomId,
  messageId,
});

function withMessage(path: string, messageId: string | null): string {
  return messageId ? `${path}?m=${messageId}` : path;
}

const messageIn = (query: string): string | null => idIn(query, "m");

function idIn(query: string, name: string): string | null {
  const found = new URLSearchParams(query).get(name);
  return found && id.test(found) ? found : null;
}
