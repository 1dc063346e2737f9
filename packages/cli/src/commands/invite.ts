/** `fedchat invite`: a link (and QR code) that links the servers and opens the contact in one step. */
import type { Invitation } from "@fedchat/engine/interface";
import type { Command } from "commander";
import { CommandError, exitCodes } from "../exit-codes.ts";
import { cleanLine } from "../terminal/clean.ts";
import { qrCode } from "../terminal/qr.ts";
import { columns } from "../terminal/style.ts";
import type { CommonOptions } from "./define.ts";
import { define, durationOption, numberOption } from "./define.ts";
import { clock, day } from "./describe.ts";
import type { Io } from "./io.ts";

interface InviteFlags extends CommonOptions {
  label?: string;
  uses?: number;
  expires?: number;
  list?: boolean;
  revoke?: string;
}

export function addInvite(program: Command, io: Io): void {
  define(program, {
    usage: "invite",
    summary: "make an invitation link with its QR code, list or revoke them",
    example: 'fedchat invite --label "book club" --uses 5 --expires 7d\nfedchat invite --revoke ID',
  })
    .option("--label <text>", "what it is for; only you see it")
    .addOption(numberOption("--uses <n>", "how many people may use it", 1, 1_000))
    .addOption(durationOption("--expires <duration>", "how long it works"))
    .option("--list", "list the invitations made here")
    .option("--revoke <id>", "revoke one")
    .action(async (flags: InviteFlags) => {
      using control = await io.control(flags);
      if (flags.list || flags.revoke !== undefined) {
        const invitations = await control.call("invitations.list", {});
        if (flags.revoke === undefined) return printList(io, invitations, flags);
        const { invitationId } = invitationNamed(io, invitations, flags.revoke);
        await control.call("invitations.revoke", { invitationId });
        return flags.json ? io.printJson({ invitationId }) : io.print("It works no more.");
      }
      const invitation = await control.call("invitations.create", {
        ...(flags.label === undefined ? {} : { label: flags.label }),
        ...(flags.uses === undefined ? {} : { uses: flags.uses }),
        ...(flags.expires === undefined ? {} : { expiresInMs: flags.expires }),
      });
      if (flags.json) return io.printJson(invitation);
      if (invitation.link === null)
        throw new CommandError(exitCodes.failed, "The invitation has no link.", "Make another one.");
      const terminal = io.streams.output.isTTY === true;
      if (terminal) io.print(`\n${qrCode(invitation.link, !io.environment.variables["NO_COLOR"])}\n`);
      io.print(invitation.link);
      if (terminal)
        io.print(
          io.style.dim(
            `\nWorks ${usesText(invitation)} until ${until(invitation)}. Send it to one you trust.`,
          ),
        );
    });
}

function printList(io: Io, invitations: readonly Invitation[], flags: InviteFlags): void {
  if (flags.json) return io.printJson(invitations);
  if (invitations.length === 0) return io.print(`No invitations yet. Make one: ${io.command("invite")}`);
  const rows = invitations.map((invitation) => [
    io.style.dim(invitation.invitationId.slice(0, 8)),
    invitation.state === "open" ? io.style.good("open") : io.style.dim(invitation.state),
    `${invitation.usesLeft}/${invitation.usesMax} left`,
    io.style.dim(`until ${until(invitation)}`),
    io.style.bold(cleanLine(invitation.label)),
    invitation.usedBy.map(({ displayName }) => cleanLine(displayName)).join(", "),
  ]);
  io.print(columns(rows));
}

function invitationNamed(io: Io, invitations: readonly Invitation[], word: string): Invitation {
  const found = invitations.filter(
    ({ invitationId, label }) => invitationId.startsWith(word) || label === word,
  );
  if (found.length === 1) return found[0]!;
  const sentence =
    found.length === 0
      ? `There is no invitation '${cleanLine(word)}'.`
      : `'${cleanLine(word)}' names several.`;
  throw new CommandError(exitCodes.failed, sentence, `See: ${io.command("invite --list")}`);
}

const usesText = ({ usesMax }: Invitation): string => (usesMax === 1 ? "once" : `${usesMax} times`);
const until = ({ expiresAt }: Invitation): string => `${day(expiresAt)}, ${clock(expiresAt)}`;
