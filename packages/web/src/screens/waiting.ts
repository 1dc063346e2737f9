/** What waits for a decision of the person's. */
import type { Request, Room, Server } from "@fedchat/engine/interface";
import type { App } from "../state/app.ts";

export const waitingRequests = (app: App): Request[] =>
  app.requests
    .all()
    .filter((request) => request.direction === "incoming" && request.state === "pending")
    .sort((a, b) => a.createdAt - b.createdAt);

export const waitingLinks = (app: App): Server[] =>
  app.servers.all().filter((server) => server.trust === "incoming");

/** Rooms that somebody took us into, and that we have not answered. */
export const invitedRooms = (app: App): Room[] =>
  app.rooms
    .all()
    .filter((chat) => chat.state === "invited")
    .sort((a, b) => a.createdAt - b.createdAt);

/** Chats, last activity first. */
export const roomsInOrder = (app: App) => app.rooms.all().sort((a, b) => b.lastActivityAt - a.lastActivityAt);
