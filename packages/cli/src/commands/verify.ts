/** `fedchat verify`: make sure that a key is somebody's, by code, by seven signs or by sixty digits. */
import type { SafetyNumber } from "@fedchat/engine/interface";
import type { Command } from "commander";
import { CommandError, exitCodes } from "../exit-codes.ts";
import { cleanLine } from "../terminal/clean.ts";
import { qrCode } from "../terminal/qr.ts";
import { columns } from "../terminal/style.ts";
import type { CommonOptions } from "./define.ts";
import { define } from "./define.ts";
import { clock, day } from "./describe.ts";
import type { Io } from "./io.ts";

interface VerifyFlags extends CommonOptions {
  same?: boolean;
  code?: string;
  undo?: boolean;
}

export function addVerify(program: Command, io: Io): void {
  define(program, {
    usage: "verify <who>",
    summary: "compare keys with somebody: a code to read, seven signs to say, sixty digits",
    example: "fedchat verify @bob\nfedchat verify @bob --same",
  })
    .option("--same", "you compared, and both sides are the same: keep them as verified")
    .option("--code <text>", "what the QR code on their screen says; checked, and kept as verified")
    .option("--undo", "take a verification back")
    .action(async (who: string, flags: VerifyFlags) => {
      if ([flags.same, flags.code, flags.undo].filter((one) => one !== undefined).length > 1)
        throw new CommandError(exitCodes.usage, "Choose one of --same, --code and --undo.");
      using control = await io.control(flags);
      const person = await control.call("people.find", { who });
      const { account } = person;
      const name = cleanLine(person.displayName);
      const number =
        flags.undo === true
          ? await control.call("contacts.unverify", { account })
          : flags.same === true || flags.code !== undefined
            ? await control.call("contacts.verify", {
                account,
                ...(flags.code === undefined ? {} : { code: flags.code }),
              })
            : await control.call("contacts.safetyNumber", { account });
      if (flags.json) return io.printJson({ account, ...number });
      if (flags.undo === true) return io.print(`${name} is not verified any more.`);
      if (number.verified === null) show(io, name, number, who);
      else io.print(`${io.style.good("✓")} ${said(name, number.verified)}`);
    });
}

function show(io: Io, name: string, { code, emoji, digits }: SafetyNumber, who: string): void {
  if (io.streams.output.isTTY === true) {
    io.print(
      `${name} may read this code, or you read theirs with ${io.command(`verify ${cleanLine(who)} --code`)} TEXT`,
    );
    io.print(`\n${qrCode(code, !io.environment.variables["NO_COLOR"])}\n`);
  }
  io.print(columns(emoji.map(({ symbol, name: called }) => [symbol, called])));
  const groups = digits.split(" ");
  const rows = [0, 4, 8].map((from) => groups.slice(from, from + 4));
  io.print(`\n${columns(rows)}`);
  io.print(io.style.dim(`\nIf ${name} sees the same: ${io.command(`verify ${cleanLine(who)} --same`)}`));
}

function said(name: string, { at, how }: NonNullable<SafetyNumber["verified"]>): string {
  const when = `${day(at)}, ${clock(at)}`;
  switch (how) {
    case "code":
      return `You read ${name}'s code (${when}).`;
    case "compared":
      return `You compared with ${name} (${when}).`;
    case "invitation":
      return `The key came with ${name}'s invitation (${when}).`;
  }
}
