/** `fedchat account …`: the first run without a screen, and invitations for others to open an account here. */
import type { Command } from "commander";
import { CommandError, exitCodes } from "../exit-codes.ts";
import { askSecret } from "../terminal/ask-secret.ts";
import { cleanLine } from "../terminal/clean.ts";
import { addAccountInvite } from "./account-invite.ts";
import { addAccountMove } from "./account-move.ts";
import type { CommonOptions } from "./define.ts";
import { define } from "./define.ts";
import type { Io } from "./io.ts";

interface AccountFlags extends CommonOptions {
  handle?: string;
  password?: boolean;
  token?: string;
}

export function addAccount(program: Command, io: Io): void {
  const account = program.command("account").description("open this engine's account, or invite others to");
  addAccountInvite(account, io);
  addAccountMove(account, io);
  define(account, {
    usage: "create <name>",
    summary: "open the account of this engine on its homeserver",
    example: 'fedchat account create "Alice"\nfedchat account create "Alice" --password < password.txt',
  })
    .option("--handle <handle>", "local part of the address; made from the name when absent")
    .option("--password", "set a password too, asked for here or read from standard input")
    .option(
      "--token <token>",
      "account invitation (its link or the token in it), or the token of the homeserver's owner",
    )
    .action(async (displayName: string, flags: AccountFlags) => {
      using control = await io.control(flags);
      const password = flags.password ? await askSecret(io.streams, "Password: ") : undefined;
      if (password === "") throw new CommandError(exitCodes.usage, "The password is empty.");
      const me = await control.call("account.create", {
        displayName,
        ...(flags.handle === undefined ? {} : { handle: flags.handle }),
        ...(password === undefined ? {} : { password }),
        ...(flags.token === undefined ? {} : { registrationToken: flags.token }),
      });
      if (flags.json) io.printJson(me);
      else io.print(`You are ${io.style.bold(cleanLine(me.displayName))}, ${cleanLine(me.address)}.`);
    });
}
