/** `fedchat screen …`: screens on other devices, such as a phone: switched on, added by a code, listed, signed out. */
import type { PairedScreen, Screens } from "@fedchat/engine/interface";
import type { Command } from "commander";
import { CommandError, exitCodes } from "../exit-codes.ts";
import { askSecret } from "../terminal/ask-secret.ts";
import { cleanLine } from "../terminal/clean.ts";
import { qrCode } from "../terminal/qr.ts";
import { columns } from "../terminal/style.ts";
import type { CommonOptions } from "./define.ts";
import { asTyped, define } from "./define.ts";
import { ago, clock } from "./describe.ts";
import type { Io } from "./io.ts";

export function addScreens(program: Command, io: Io): void {
  const screen = program
    .command("screen")
    .description("use this FedChat from a phone or another computer")
    .helpCommand(false)
    .addHelpText(
      "after",
      asTyped("\nExample\n  fedchat screen enable\n  fedchat screen add\n  fedchat screen list"),
    );

  define(screen, {
    usage: "enable",
    summary:
      "let paired screens in; asks for a screen password the first time, or reads it from standard input",
    example: "fedchat screen enable\nfedchat screen enable --password < password.txt   # change it",
  })
    .option("--password", "set another screen password")
    .action(async (flags: CommonOptions & { password?: boolean }) => {
      using control = await io.control(flags);
      const before = await control.call("screens.list", {});
      const password =
        flags.password || !before.hasPassword ? await askSecret(io.streams, "Screen password: ") : undefined;
      if (password === "")
        throw new CommandError(
          exitCodes.usage,
          "The password is empty.",
          "Type one, or pass it on standard input.",
        );
      const screens = await control.call("screens.enable", password === undefined ? {} : { password });
      if (flags.json) return io.printJson(screens);
      io.print(state(screens, io));
      if (screens.cause === null) io.print(`Add one: ${io.style.bold(io.command("screen add"))}`);
    });

  define(screen, {
    usage: "disable",
    summary: "let no screen on another device in; open ones are closed at once",
    example: "fedchat screen disable",
  }).action(async (flags: CommonOptions) => {
    using control = await io.control(flags);
    const screens = await control.call("screens.disable", {});
    if (flags.json) io.printJson(screens);
    else io.print(state(screens, io));
  });

  define(screen, {
    usage: "add",
    summary: "show a code and a link that pair one screen, once, within ten minutes",
    example: "fedchat screen add",
  }).action(async (flags: CommonOptions) => {
    using control = await io.control(flags);
    const { link, expiresAt } = await control.call("screens.add", {});
    if (flags.json) return io.printJson({ link, expiresAt });
    const isTerminal = io.streams.output.isTTY === true;
    if (isTerminal) io.print(`\n${qrCode(link, !io.environment.variables["NO_COLOR"])}\n`);
    io.print(link);
    const until = `Open it on the other device until ${clock(expiresAt)}; it asks for the screen password there.`;
    if (isTerminal) io.print(io.style.dim(`\n${until}`));
  });

  define(screen, {
    usage: "list",
    summary: "paired screens, and whether they are let in",
    example: "fedchat screen list --json",
  }).action(async (flags: CommonOptions) => {
    using control = await io.control(flags);
    const screens = await control.call("screens.list", {});
    if (flags.json) return io.printJson(screens);
    io.print(state(screens, io));
    if (screens.screens.length > 0) {
      io.print(`\n${columns(screens.screens.map((one) => screenRow(one, io)))}`);
    }
  });

  define(screen, {
    usage: "remove <screen>",
    summary: "sign a screen out for good, by its name or id; it is closed at once",
    example: 'fedchat screen remove "Chrome on Android"',
  }).action(async (word: string, flags: CommonOptions) => {
    using control = await io.control(flags);
    const { screenId, name } = screenNamed((await control.call("screens.list", {})).screens, word, io);
    const screens = await control.call("screens.remove", { screenId });
    if (flags.json) io.printJson(screens);
    else io.print(`${io.style.bold(cleanLine(name))} is signed out.`);
  });
}

function state({ enabled, addresses, throughProxy, cause }: Screens, { style }: Io): string {
  const lines = [
    enabled ? `Screens on other devices are ${style.good("on")}.` : "Screens on other devices are off.",
  ];
  if (cause !== null) lines.push(style.warn(cleanLine(cause.sentence)), `→ ${cleanLine(cause.fix ?? "")}`);
  else if (enabled) lines.push(`Opened at ${addresses.map((address) => style.accent(address)).join(", ")}`);
  if (enabled && throughProxy)
    lines.push(style.dim("Whoever runs the proxy in front can read what such a screen shows."));
  return lines.join("\n");
}

function screenRow({ screenId, name, addedAt, seenAt, connected }: PairedScreen, { style }: Io): string[] {
  const now = Date.now();
  return [
    style.dim(screenId.slice(0, 8)),
    style.bold(cleanLine(name)),
    connected ? style.good("● open now") : `seen ${ago(seenAt, now)}`,
    style.dim(`added ${ago(addedAt, now)}`),
  ];
}

function screenNamed(screens: readonly PairedScreen[], word: string, io: Io): PairedScreen {
  const exact = screens.filter(({ screenId, name }) => screenId === word || name === word);
  const found = exact.length > 0 ? exact : screens.filter(({ screenId }) => screenId.startsWith(word));
  if (found.length === 1 && word !== "") return found[0]!;
  const sentence =
    found.length === 0 ? `There is no screen '${cleanLine(word)}'.` : `'${cleanLine(word)}' names several.`;
  throw new CommandError(exitCodes.failed, sentence, `See: ${io.command("screen list")}`);
}
