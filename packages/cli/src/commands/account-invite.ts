/** `fedchat account invite`: links by which others open an account on this homeserver, made by its administrator. */
import type { AccountInvitation } from "@fedchat/engine/interface";
import { formatAccountInvitation, serverId } from "@fedchat/protocol";
import type { Command } from "commander";
import type { HostInfo } from "../control/host-methods.ts";
import { CommandError, exitCodes } from "../exit-codes.ts";
import { dataFiles, readIfThere } from "../owner-files.ts";
import { cleanLine } from "../terminal/clean.ts";
import { qrCode } from "../terminal/qr.ts";
import { columns } from "../terminal/style.ts";
import type { CommonOptions } from "./define.ts";
import { define, durationOption, numberOption } from "./define.ts";
import { clock, day } from "./describe.ts";
import type { Io } from "./io.ts";

interface AccountInviteFlags extends CommonOptions {
  label?: string;
  uses?: number;
  expires?: number;
  list?: boolean;
  revoke?: string;
  owner?: boolean;
}

export function addAccountInvite(account: Command, io: Io): void {
  define(account, {
    usage: "invite",
    summary: "make a link that opens an account on this homeserver, list or revoke them",
    example:
      'fedchat account invite --label "book club" --uses 5 --expires 7d\nfedchat account invite --owner',
  })
    .option("--label <text>", "what it is for; administrators see it")
    .addOption(numberOption("--uses <n>", "how many accounts it opens", 1, 1_000))
    .addOption(durationOption("--expires <duration>", "how long it works"))
    .option("--list", "list those that can still be used")
    .option("--revoke <id>", "revoke one")
    .option("--owner", "the link that opens the first account, the administrator's: keep it to yourself")
    .action(async (flags: AccountInviteFlags) => {
      using control = await io.control(flags);
      if (flags.owner) return printLink(io, flags, { link: ownersLink(await control.info()) });
      if (flags.list || flags.revoke !== undefined) {
        const invitations = await control.call("accountInvitations.list", {});
        if (flags.revoke === undefined) return printList(io, invitations, flags);
        const { invitationId } = named(io, invitations, flags.revoke);
        await control.call("accountInvitations.revoke", { invitationId });
        return flags.json ? io.printJson({ invitationId }) : io.print("It works no more.");
      }
      const made = await control.call("accountInvitations.create", {
        ...(flags.label === undefined ? {} : { label: flags.label }),
        ...(flags.uses === undefined ? {} : { uses: flags.uses }),
        ...(flags.expires === undefined ? {} : { expiresInMs: flags.expires }),
      });
      printLink(io, flags, made);
    });
}

function printLink(
  io: Io,
  flags: AccountInviteFlags,
  made: Partial<AccountInvitation> & { link: string },
): void {
  if (flags.json) return io.printJson(made);
  const isTerminal = io.streams.output.isTTY === true;
  if (isTerminal) io.print(`\n${qrCode(made.link, !io.environment.variables["NO_COLOR"])}\n`);
  io.print(made.link);
  if (!isTerminal) return;
  const works =
    made.expiresAt === undefined
      ? "Opens the administrator's account, once."
      : `Opens ${made.usesMax === 1 ? "one account" : `${made.usesMax} accounts`} until ${until(made.expiresAt)}.`;
  io.print(io.style.dim(`\n${works} In a browser, or: fedchat chat --server LINK`));
}

/** Made here, of what only this machine's owner can read. */
function ownersLink(info: HostInfo): string {
  const server = serverId.parse(info.serverId);
  const token = info.elsewhere ? undefined : readIfThere(dataFiles(info.data).registrationToken)?.trim();
  if (token === undefined || server === undefined)
    throw new CommandError(
      exitCodes.failed,
      "There is no homeserver here.",
      "Run it on the homeserver's machine.",
    );
  return formatAccountInvitation(info.addresses, {
    server,
    token: new Uint8Array(Buffer.from(token, "base64url")),
  });
}

function printList(io: Io, invitations: readonly AccountInvitation[], flags: AccountInviteFlags): void {
  if (flags.json) return io.printJson(invitations);
  if (invitations.length === 0)
    return io.print(`No account invitations. Make one: ${io.command("account invite")}`);
  io.print(
    columns(
      invitations.map((one) => [
        io.style.dim(one.invitationId),
        `${one.usesLeft}/${one.usesMax} left`,
        io.style.dim(`until ${until(one.expiresAt)}`),
        io.style.bold(cleanLine(one.label)),
      ]),
    ),
  );
}

function named(io: Io, invitations: readonly AccountInvitation[], word: string): AccountInvitation {
  const found = invitations.filter(
    ({ invitationId, label }) => invitationId.startsWith(word) || label === word,
  );
  if (found.length === 1) return found[0]!;
  const sentence =
    found.length === 0
      ? `There is no account invitation '${cleanLine(word)}'.`
      : `'${cleanLine(word)}' names several.`;
  throw new CommandError(exitCodes.failed, sentence, `See: ${io.command("account invite --list")}`);
}

const until = (at: number): string => `${day(at)}, ${clock(at)}`;
