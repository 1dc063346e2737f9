/** What the local screen and screens elsewhere have in common in their requests. */
import type { Duplex } from "node:stream";

/** Where the app in the page finds its way by itself. */
export const clientRoute = /^\/(?:(?:r|w|people|requests|servers|settings|invite)(?:\/[A-Za-z0-9_-]*)?)?$/;

export function refuseUpgrade(socket: Duplex, status: string): void {
  socket.end(`HTTP/1.1 ${status}\r\nConnection: close\r\nContent-Length: 0\r\n\r\n`);
}
