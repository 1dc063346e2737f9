/** `fedchat devices`: this account's devices, linking a further one by a code, and revoking one. */
import type { Device, Devices } from "@fedchat/engine/interface";
import type { Command } from "commander";
import { CommandError, exitCodes } from "../exit-codes.ts";
import { askSecret } from "../terminal/ask-secret.ts";
import { cleanLine } from "../terminal/clean.ts";
import { qrCode } from "../terminal/qr.ts";
import { columns } from "../terminal/style.ts";
import type { CommonOptions } from "./define.ts";
import { asTyped, define } from "./define.ts";
import { day } from "./describe.ts";
import type { Io } from "./io.ts";

interface DeviceFlags extends CommonOptions {
  password?: boolean;
  name?: string;
}

const passwordHelp = "give the account's password, on a device that does not hold its key";

export function addDevices(program: Command, io: Io): void {
  const devices = program
    .command("devices")
    .description("the devices of your account")
    .helpCommand(false)
    .addHelpText(
      "after",
      asTyped("\nExample\n  fedchat devices link\n  fedchat devices list\n  fedchat devices revoke phone"),
    );
  define(devices, { usage: "list", summary: "show your devices", example: "fedchat devices list" }).action(
    async (flags: CommonOptions) => {
      using control = await io.control(flags);
      const shown = await control.call("devices.list", {});
      show(io, flags, shown);
    },
  );
  define(devices, {
    usage: "link",
    summary: "show a code by which a further device is linked, for ten minutes",
    example: "fedchat devices link",
  })
    .option("--password", passwordHelp)
    .action(async (flags: DeviceFlags) => {
      using control = await io.control(flags);
      const made = await control.call("devices.link", await secret(io, flags));
      if (flags.json) return io.printJson(made);
      if (io.streams.output.isTTY === true)
        io.print(`${qrCode(made.code, !io.environment.variables["NO_COLOR"])}\n`);
      io.print(made.code);
      io.print(
        io.style.dim(`When the other device shows its signs: ${io.command("devices list")}, then confirm.`),
      );
    });
  define(devices, {
    usage: "confirm",
    summary: "the signs are the same on both: link the device that used your code",
    example: "fedchat devices confirm",
  }).action(async (flags: CommonOptions) => {
    using control = await io.control(flags);
    const shown = await control.call("devices.confirm", {});
    show(io, flags, shown);
  });
  define(devices, {
    usage: "join <code>",
    summary: "become a further device of the account whose device shows this code",
    example: "fedchat devices join fedchat-device:…",
  })
    .option("--name <name>", "what this device is to be called")
    .action(async (code: string, flags: DeviceFlags) => {
      using control = await io.control(flags);
      const named = flags.name === undefined ? {} : { name: flags.name };
      const joining = await control.call("devices.join", { code, ...named });
      if (flags.json) return io.printJson(joining);
      io.print(columns(joining.signs.map(({ symbol, name }) => [symbol, name])));
      io.print("Confirm on your other device if it shows the same.");
    });
  define(devices, {
    usage: "rename <device> <name>",
    summary: "give a device another name",
    example: "fedchat devices rename phone 'old phone'",
  })
    .option("--password", passwordHelp)
    .action(async (which: string, name: string, flags: DeviceFlags) => {
      using control = await io.control(flags);
      const { deviceId } = find(await control.call("devices.list", {}), which);
      const shown = await control.call("devices.rename", { deviceId, name, ...(await secret(io, flags)) });
      show(io, flags, shown);
    });
  define(devices, {
    usage: "revoke <device>",
    summary: "take a device off your account: it is out of every room at once",
    example: "fedchat devices revoke phone",
  })
    .option("--password", passwordHelp)
    .action(async (which: string, flags: DeviceFlags) => {
      using control = await io.control(flags);
      const { deviceId } = find(await control.call("devices.list", {}), which);
      const shown = await control.call("devices.revoke", { deviceId, ...(await secret(io, flags)) });
      show(io, flags, shown);
    });
  define(devices, {
    usage: "known <device>",
    summary: "say that you know a device which another one added",
    example: "fedchat devices known phone",
  }).action(async (which: string, flags: CommonOptions) => {
    using control = await io.control(flags);
    const { deviceId } = find(await control.call("devices.list", {}), which);
    const shown = await control.call("devices.acknowledge", { deviceId });
    show(io, flags, shown);
  });
}

async function secret(io: Io, flags: DeviceFlags): Promise<{ password?: string }> {
  return flags.password === true ? { password: await askSecret(io.streams, "Password: ") } : {};
}

/** By its whole name, or by the beginning of its id. */
function find({ devices }: Devices, which: string): Device {
  const found = devices.filter(({ deviceId, name }) => name === which || deviceId.startsWith(which));
  if (found.length === 1) return found[0]!;
  throw new CommandError(
    exitCodes.usage,
    found.length === 0
      ? "There is no such device."
      : "Several devices are called so. Give the beginning of an id.",
  );
}

function show(io: Io, flags: CommonOptions, shown: Devices): void {
  if (flags.json) return io.printJson(shown);
  const { devices, linking } = shown;
  io.print(
    columns(
      devices.map(({ deviceId, name, createdAt, self, known, removed }) => [
        deviceId.slice(0, 8),
        cleanLine(name),
        `since ${day(createdAt)}`,
        removed
          ? io.style.bad("this one, removed from your account")
          : self
            ? "this one"
            : known
              ? ""
              : io.style.bad("not known: is it yours?"),
      ]),
    ),
  );
  if (linking.state !== "asking") return;
  io.print(`\n${cleanLine(linking.name ?? "")} used your code. Does it show these signs?`);
  io.print(columns(linking.signs.map(({ symbol, name }) => [symbol, name])));
  io.print(io.style.dim(`If so: ${io.command("devices confirm")}`));
}
