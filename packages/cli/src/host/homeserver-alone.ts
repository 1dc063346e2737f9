/**
 * What the control socket answers where a homeserver runs alone: account invitations, which its owner makes on this
 * machine before there is any administrator's engine. Everything else needs an engine, and says so.
 */
import type { Cause, MethodName, Params } from "@fedchat/engine/interface";
import type { Callable } from "@fedchat/engine/node";
import { accountInvitationId, EngineError, shownAccountInvitation } from "@fedchat/engine/node";
import type { Homeserver } from "@fedchat/homeserver";
import { formatAccountInvitation } from "@fedchat/protocol";
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
      return { ...shownAccountInvitation(invitation), link };
    },
    "accountInvitations.list": () => invitations.list().map(shownAccountInvitation),
    async "accountInvitations.revoke"({ invitationId }) {
      await invitations.revoke(accountInvitationId(invitationId));
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
