/** `fedchat account move`: this account goes to live on another homeserver, with everything that it has. */
import type { Status } from "@fedchat/engine/interface";
import { parseAccountInvitation, ProtocolError } from "@fedchat/protocol";
import type { Command } from "commander";
import { setTimeout as pause } from "node:timers/promises";
import { CommandError, exitCodes } from "../exit-codes.ts";
import { moveWaitMs } from "../limits.ts";
import { askSecret } from "../terminal/ask-secret.ts";
import { cleanLine } from "../terminal/clean.ts";
import type { CommonOptions } from "./define.ts";
import { define } from "./define.ts";
import type { Io } from "./io.ts";

interface MoveFlags extends CommonOptions {
  password?: boolean;
}

export function addAccountMove(account: Command, io: Io): void {
  define(account, {
    usage: "move <invitation>",
    summary: "move this account to another homeserver: contacts, rooms and history come along",
    example: "fedchat account move 'https://chat.example.com/app#…'",
  })
    .option("--password", "ask for the account's password: on a device that did not open the account")
    .action(async (invitation: string, flags: MoveFlags) => {
      const { server } = invitationIn(invitation);
      using control = await io.control(flags);
      const password = flags.password ? await askSecret(io.streams, "Password: ") : undefined;
      await control.call("account.move", { invitation, ...(password === undefined ? {} : { password }) });
      let status: Status = await control.call("engine.status", {});
      for (const until = Date.now() + moveWaitMs; !isThere(status, server) && Date.now() < until;) {
        await pause(200);
        status = await control.call("engine.status", {});
      }
      if (flags.json) return io.printJson(status.me);
      const { address } = status.me!;
      io.print(`You live at ${io.style.bold(cleanLine(address))} now. Your contacts are told by themselves.`);
      io.print(
        io.style.dim("Move each of your other devices with the same link. A password is to be set anew."),
      );
    });
}

const isThere = ({ homeserver }: Status, server: string): boolean =>
  homeserver.serverId === server && homeserver.connection === "connected";

function invitationIn(link: string) {
  try {
    return parseAccountInvitation(link);
  } catch (cause) {
    if (!(cause instanceof ProtocolError)) throw cause;
    throw new CommandError(exitCodes.usage, cause.message, "Copy the whole link.", { cause });
  }
}
