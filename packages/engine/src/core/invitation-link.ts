/** What every link of ours says of where we are and who made it. [I1] */
import type { Invitation } from "@fedchat/protocol";
import { formatInvitationLink } from "@fedchat/protocol";
import type { Identity } from "./identity.ts";
import type { Servers } from "./servers.ts";

/** As text: `from` says what it opens. */
export function ownLink(
  { servers, identity }: { servers: Pick<Servers, "own">; identity: Identity },
  from: Pick<Invitation, "id" | "secret" | "expires" | "room">,
): string {
  const { handle, displayName } = identity.record.record;
  const { record, id: server, relayHints: relays } = servers.own;
  const addresses = record?.addresses ?? [];
  const shown = addresses.find(({ kind }) => kind !== "lan") ?? addresses[0];
  const host = shown === undefined ? "localhost" : shown.host.includes(":") ? `[${shown.host}]` : shown.host;
  return formatInvitationLink(`https://${host}${shown === undefined ? "" : `:${shown.port}`}`, {
    ...from,
    server,
    serverName: record?.name ?? "server",
    addresses,
    relays,
    inviter: identity.account,
    handle,
    displayName,
  });
}
