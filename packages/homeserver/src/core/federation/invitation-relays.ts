/** Where an invitation says that this server is reached if nobody can dial it. [I1] [C8] */
import type { RelayHint, ServerId, ServerRecord } from "@fedchat/protocol";
import { limits } from "@fedchat/protocol";
import { relayHintOf } from "./reaching.ts";

/** Of these relays those whose place is known, so that those which take anyone come first. */
export function invitationRelays(
  relays: readonly ServerId[],
  recordOf: (server: ServerId) => ServerRecord | undefined,
): RelayHint[] {
  const takesAnyone = ({ relaysFor }: ServerRecord) => (relaysFor === "anyone" ? 0 : 1);
  return relays
    .flatMap((relay) => {
      const record = recordOf(relay);
      return record === undefined || record.addresses.length === 0 ? [] : [record];
    })
    .sort((a, b) => takesAnyone(a) - takesAnyone(b))
    .slice(0, limits.invitationRelaysMax)
    .map(relayHintOf);
}
