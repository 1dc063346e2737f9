/**
 * Which homeserver an engine of this data folder belongs to, where it runs elsewhere: its ServerId, and where it was
 * reached last. Invariant: once a key is pinned no other one is taken in its place; an address may change. [J4]
 */
import type { ServerId } from "@fedchat/protocol";
import { serverId } from "@fedchat/protocol";
import { z } from "zod";
import { formatAddress } from "../config/text-forms.ts";
import { CommandError, exitCodes } from "../exit-codes.ts";
import { dataFiles, readIfThere, writeOwnerFile } from "../owner-files.ts";

export interface HomeserverPlace {
  host: string;
  port: number;
  server: ServerId;
}

export function writePin(data: string, place: HomeserverPlace): void {
  writeOwnerFile(dataFiles(data).homeserver, `${JSON.stringify(place)}\n`);
}

/** Throws `CommandError` where an engine of a homeserver elsewhere lives in this folder. */
export function refuseClientFolder(data: string, chat: string): void {
  const pinned = readPin(data);
  if (pinned === undefined) return;
  throw new CommandError(
    exitCodes.usage,
    `${data} belongs to an account at ${formatAddress(pinned)}.`,
    `Go on with it: ${chat}; or choose another folder with --data.`,
  );
}

const pin = z.object({
  host: z.string().min(1).max(253),
  port: z.int().min(1).max(65_535),
  server: z.string().transform((text, context) => {
    const id = serverId.parse(text);
    if (id !== undefined) return id;
    context.addIssue({ code: "custom", message: "not a server id" });
    return z.NEVER;
  }),
});

/** Undefined where none is pinned. Throws `CommandError` for a damaged file. */
export function readPin(data: string): HomeserverPlace | undefined {
  const path = dataFiles(data).homeserver;
  const text = readIfThere(path);
  if (text === undefined) return undefined;
  const read = pin.safeParse(parseJson(text));
  if (read.success) return read.data;
  throw new CommandError(
    exitCodes.failed,
    `${path} is damaged.`,
    "Remove it, and name the homeserver again.",
  );
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
