/** Where submitted envelopes are, for an engine that was away while the progress events passed. [H12] */
import type { ClientParams, ClientResult, ErrorCode } from "@fedchat/protocol";
import { errorCodes, ProtocolError, toWireError } from "@fedchat/protocol";
import type { HomeserverStore } from "../../store/store.ts";
import { progressEntriesMax } from "../limits.ts";
import type { Account } from "./account-book.ts";

/**
 * Each envelope is in an outbox still, refused or given up by a server, or, as it was accepted once, with its
 * destinations: `forwarded` without a server.
 */
export async function envelopesProgress(
  store: Pick<HomeserverStore, "outboxFind" | "refusals">,
  account: Account,
  { envelopes }: ClientParams<"envelopes.progress">,
): Promise<ClientResult<"envelopes.progress">> {
  const [pending, refusals] = await Promise.all([
    store.outboxFind(envelopes),
    store.refusals(account.id, envelopes),
  ]);
  const known = new Set([...pending, ...refusals].map(({ envelope }) => envelope));
  const progress: ClientResult<"envelopes.progress">["progress"] = [
    ...pending.map(({ envelope, server }) => ({ envelope, server, state: "pending" as const })),
    ...refusals.map(({ envelope, server, code }) => ({
      envelope,
      server,
      state: code === "expired" ? ("expired" as const) : ("refused" as const),
      error: toWireError(new ProtocolError(asErrorCode(code))),
    })),
    ...envelopes
      .filter((envelope) => !known.has(envelope))
      .map((envelope) => ({ envelope, server: null, state: "forwarded" as const })),
  ];
  return { progress: progress.slice(0, progressEntriesMax) };
}

function asErrorCode(code: string): ErrorCode {
  return errorCodes.find((known) => known === code) ?? "internal";
}
