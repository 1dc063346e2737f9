/**
 * What the control socket answers where a homeserver runs alone: account invitations, which its owner makes on this
 * machine before there is any administrator's engine. Everything else needs an engine, and says so.
 */
import type { AccountInvitation, Cause, MethodName, Params } from "@fedchat/engine/interface";
import type { Callable } from "@fedchat/engine/node";
import { EngineError } from "@fedchat/engine/node";
import type { Homeserver } from "@fedchat/homeserver";
import type { AccountInvitationView } from "@fedchat/protocol";
import {
  decodeBase32,
  DecodeError,
  encodeBase32,
  formatAccountInvitation,
  ProtocolError,
} from "@fedchat/protocol";
import { accountInvitationLifetimeMs } from "../limits.ts";
import { commandName } from "../terminal/command-name.ts";

type InvitationMethod = Extract<MethodName, `accountInvitations.${string}`>;

export function homeserverAlone(homeserver: Homeserver): Callable {
  const invitations = homeserver.accountInvitations;
  const handlers: { [M in InvitationMethod]: (params: Params<M>) => unknown } = {
    async "accountInvitations.create"({
      label = "",
      uses = 1,
      expiresInMs: lifetimeMs = accountInvitationLifetimeMs,
    }) {
      const { token, invitation } = await invitations.make({ label, uses, lifetimeMs });
      const { addresses } = homeserver.record().record;
      const link = formatAccountInvitation(addresses, { server: homeserver.serverId, token });
      return { ...shown(invitation), link };
    },
    "accountInvitations.list": () => invitations.list().map(shown),
    async "accountInvitations.revoke"({ invitationId }) {
      await invitations.revoke(idFrom(invitationId));
      return {};
    },
  };
  return {
    async call(method, params) {
      if (!Object.hasOwn(handlers, method)) throw new EngineError(noEngine);
      return handlers[method as InvitationMethod](params as never);
    },
    onEvent: () => () => undefined,
  };
}

const noEngine: Cause = {
  code: "no-engine",
  sentence: "A homeserver runs here alone, without an engine.",
  fix: `What can be looked at here: ${commandName} status; ${commandName} doctor`,
  retry: "never",
};

function shown({ id, ...rest }: AccountInvitationView): AccountInvitation {
  return { invitationId: encodeBase32(id), ...rest };
}

function idFrom(text: string): Uint8Array {
  try {
    return decodeBase32(text);
  } catch (error) {
    if (error instanceof DecodeError) throw new ProtocolError("not-found");
    throw error;
  }
}
