/** Writes the vectors beside this file: `npm run vectors`. Nothing in them is random. */
import { writeFileSync } from "node:fs";
import { bundleBodies, bundles } from "./make/bundles.ts";
import { channels } from "./make/channels.ts";
import { clientCalls, clientFrames } from "./make/clients.ts";
import { envelopes } from "./make/envelopes.ts";
import { errors } from "./make/errors.ts";
import { invitations } from "./make/invitations.ts";
import type { Json } from "./make/json.ts";
import { linkMessages } from "./make/links.ts";
import { names } from "./make/names.ts";
import { accountNotes } from "./make/notes.ts";
import { accountRecords, custodyReceipts, deviceCertificates, serverRecords } from "./make/records.ts";
import { roomItems } from "./make/room-items.ts";
import { roomEntries, roomLogs } from "./make/room-logs.ts";
import { signatures } from "./make/signatures.ts";

/** The text of every file, by its name. */
export async function makeVectors(): Promise<Map<string, string>> {
  const files: Record<string, Json> = {
    "names.json": names(),
    "signatures.json": signatures(),
    "server-record.json": serverRecords(),
    "device-certificate.json": deviceCertificates(),
    "account-record.json": accountRecords(),
    "custody-receipt.json": custodyReceipts(),
    "channel.json": await channels(),
    "link-messages.json": linkMessages(),
    "bundle.json": bundles(),
    "bundle-body.json": bundleBodies(),
    "envelope.json": envelopes(),
    "client-frames.json": clientFrames(),
    "client-methods.json": clientCalls(),
    "account-note.json": accountNotes(),
    "invitation.json": invitations(),
    "room-item.json": roomItems(),
    "room-entry.json": roomEntries(),
    "room-log.json": roomLogs(),
    "errors.json": errors(),
  };
  return new Map(Object.entries(files).map(([name, json]) => [name, `${JSON.stringify(json, null, 1)}\n`]));
}

if (import.meta.main) {
  for (const [name, text] of await makeVectors()) writeFileSync(new URL(name, import.meta.url), text);
}
