/** `fedchat account create`: the first run without a screen. */
import type { Command } from "commander";
import { CommandError, exitCodes } from "../exit-codes.ts";
import { askSecret } from "../terminal/ask-secret.ts";
import { cleanLine } from "../terminal/clean.ts";
import type { CommonOptions } from "./define.ts";
import { define } from "./define.ts";
import type { Io } from "./io.ts";

interface AccountFlags extends CommonOptions {
  handle?: string;
  password?: boolean;
  token?: string;
}

export function addAccount(program: Command, io: Io): void {
  const account = program.command("account").description("open this engine's account");
  define(account, {
    usage: "create <name>",
    summary: "open the account of this engine on its homeserver",
    example: 'fedchat account create "Alice"\nfedchat account create "Alice" --password < password.txt',
  })
    .option("--handle <handle>", "local part of the address; made from the name when absent")
    .option("--password", "set a password too, asked for here or read from standard input")
    .option("--token <token>", "registration token of a homeserver elsewhere")
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
