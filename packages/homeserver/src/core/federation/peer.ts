/** Another server as records are told to it and heard from it: a linked one, a directory, or whoever registered there. */
import type { LinkControl, ServerId } from "@fedchat/protocol";
import type { Trust } from "../seams.ts";
import type { Connection } from "./connection.ts";

export interface Peer {
  readonly server: ServerId;
  readonly trust: Trust;
  /** What it may ask of us beyond people's lists: a link that only a directory made is a stranger's. [D4] */
  readonly standing: Trust;
  /** Who made it one. [D5] */
  readonly origin: "person" | "directory";
  readonly connected: boolean;
  readonly connection: Pick<Connection, "congested" | "fault"> | undefined;
  send(control: LinkControl): void;
}
