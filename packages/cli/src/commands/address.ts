/** `fedchat address`: where a linked homeserver is dialled, and putting right what was said of that. */
import type { Server } from "@fedchat/engine/interface";
import type { Command } from "commander";
import { formatAddress, parseAddress } from "../config/text-forms.ts";
import { CommandError, exitCodes } from "../exit-codes.ts";
import { linkWaitMs } from "../limits.ts";
import { cleanLine } from "../terminal/clean.ts";
import { columns } from "../terminal/style.ts";
import type { CommonOptions } from "./define.ts";
import { define, durationOption } from "./define.ts";
import type { Io } from "./io.ts";
import { serverNamed, settled, tellLinked } from "./servers.ts";

interface AddressFlags extends CommonOptions {
  add?: boolean;
  remove?: boolean;
  timeout: number;
}

interface Place {
  host: string;
  port: number;
}

export function addAddress(program: Command, io: Io): void {
  define(program, {
    usage: "address <server> [where...]",
    summary:
      "show where a linked homeserver is dialled, or say where it is (HOST:PORT) in place of what was said before",
    example:
      "fedchat address bob\nfedchat address bob chat.example.com:8443\nfedchat address bob 10.0.0.7:8443 --remove --json",
  })
    .option("--add", "beside what was said before")
    .option("--remove", "it is not there")
    .addOption(durationOption("--timeout <duration>", "how long to wait for the connection", linkWaitMs))
    .action(async (word: string, where: string[], flags: AddressFlags) => {
      const said = where.map(placeOf);
      if (flags.add === true && flags.remove === true)
        throw new CommandError(
          exitCodes.usage,
          "--add and --remove exclude each other.",
          "Give one of them.",
        );
      if (said.length === 0 && (flags.add === true || flags.remove === true))
        throw new CommandError(exitCodes.usage, "No address was given.", "Write HOST:PORT after the server.");
      using control = await io.control(flags);
      const server = serverNamed(await control.call("servers.list", {}), word);
      if (said.length === 0) return show(io, server, flags);
      const addresses = changed(server, said, flags);
      const { serverId } = server;
      const now = await settled(control, serverId, flags.timeout, () =>
        control.call("servers.setAddresses", { serverId, addresses }),
      );
      tellLinked(io, now, flags);
    });
}

/** Throws `CommandError` (usage). */
function placeOf(text: string): Place {
  const parsed = parseAddress(text);
  if (parsed !== undefined) return { host: parsed.host, port: parsed.port };
  const sentence = `'${cleanLine(text)}' is not HOST:PORT.`;
  throw new CommandError(
    exitCodes.usage,
    sentence,
    "Write such as chat.example.com:8443 or [2001:db8::1]:8443.",
  );
}

/** What was told before, with the change. Throws `CommandError` where an address cannot be taken away. */
function changed(server: Server, said: Place[], { add, remove }: AddressFlags): Place[] {
  const told = (server.toldAddresses ?? []).map(({ host, port }) => ({ host, port }));
  const isSaid = (place: Place) => said.some((one) => isSame(one, place));
  if (add === true) return [...said, ...told.filter((place) => !isSaid(place))];
  if (remove !== true) return said;
  const foreign = said.find((place) => !told.some((one) => isSame(one, place)));
  if (foreign === undefined) return told.filter((place) => !isSaid(place));
  const shown = cleanLine(server.shownName);
  const place = formatAddress(foreign);
  const [sentence, fix] = server.addresses.some((one) => isSame(one, foreign))
    ? [
        `${shown} announces ${place} itself, so it cannot be removed here.`,
        "Ask its owner to correct its addresses; they are told to you by themselves.",
      ]
    : [
        `${place} is no address of ${shown}.`,
        `Write one of: ${told.map(formatAddress).join(", ") || "none"}.`,
      ];
  throw new CommandError(exitCodes.failed, sentence, fix);
}

const isSame = (a: Place, b: Place): boolean => a.host === b.host && a.port === b.port;

function show(io: Io, { serverId, addresses, toldAddresses = [] }: Server, { json }: CommonOptions): void {
  if (json) return io.printJson({ serverId, addresses, toldAddresses });
  if (addresses.length === 0) return io.print("No address is known.");
  const rows = addresses.map((address) => [
    cleanLine(formatAddress(address)),
    io.style.dim(toldAddresses.some((one) => isSame(one, address)) ? "said by you" : "announced by it"),
  ]);
  io.print(columns(rows));
}
