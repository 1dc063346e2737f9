/** Invitations to open an account on our homeserver, for its administrators: the homeserver keeps them, we show them. */
import type { AccountInvitationView } from "@fedchat/protocol";
import {
  decodeBase32,
  DecodeError,
  encodeBase32,
  formatAccountInvitation,
  ProtocolError,
} from "@fedchat/protocol";
import type { AccountInvitation } from "../interface/index.ts";
import { invitationLifetimeMs, invitationUsesDefault } from "./limits.ts";
import type { Homeserver } from "./ports.ts";
import type { Servers } from "./servers.ts";

export class AccountInvitations {
  readonly #homeserver: Homeserver;
  readonly #servers: Servers;

  constructor({ homeserver, servers }: { homeserver: Homeserver; servers: Servers }) {
    this.#homeserver = homeserver;
    this.#servers = servers;
  }

  /** Rejects with `ProtocolError`: `not-allowed`, `registration-closed`, `quota-exceeded` among them. */
  async create({
    label = "",
    uses = invitationUsesDefault,
    expiresInMs: lifetimeMs = invitationLifetimeMs,
  }): Promise<AccountInvitation & { link: string }> {
    const wish = { label, uses, lifetimeMs };
    const { token, invitation } = await this.#homeserver.request("accountInvitations.make", wish);
    const { id: server, record } = this.#servers.own;
    return {
      ...shownAccountInvitation(invitation),
      link: formatAccountInvitation(record?.addresses ?? [], { server, token }),
    };
  }

  async list(): Promise<AccountInvitation[]> {
    const { invitations } = await this.#homeserver.request("accountInvitations.list", {});
    return invitations.map(shownAccountInvitation);
  }

  /** Rejects with `ProtocolError("not-found")`. */
  async revoke(invitationId: string): Promise<void> {
    await this.#homeserver.request("accountInvitations.revoke", { id: accountInvitationId(invitationId) });
  }
}

/** As the interface has it. */
export function shownAccountInvitation({ id, ...rest }: AccountInvitationView): AccountInvitation {
  return { invitationId: encodeBase32(id), ...rest };
}

/** Throws `ProtocolError("not-found")` for what is no id. */
export function accountInvitationId(text: string): Uint8Array {
  try {
    return decodeBase32(text);
  } catch (error) {
    if (error instanceof DecodeError) throw new ProtocolError("not-found");
    throw error;
  }
}
