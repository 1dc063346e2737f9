/** All commands put together, and what becomes of their errors. */
import type { Argument } from "commander";
import { Command, CommanderError } from "commander";
import { addAccount } from "./commands/account.ts";
import { addAddress } from "./commands/address.ts";
import { addChat } from "./commands/chat.ts";
import { addConfig } from "./commands/config.ts";
import { addDirectory } from "./commands/directory.ts";
import { addDoctor } from "./commands/doctor.ts";
import { addHistory } from "./commands/history.ts";
import { addInvite } from "./commands/invite.ts";
import { asTyped } from "./commands/define.ts";
import { Io } from "./commands/io.ts";
import { addMap } from "./commands/map.ts";
import { addMessages } from "./commands/messages.ts";
import { addNetwork } from "./commands/network.ts";
import { addPeople } from "./commands/people.ts";
import { addRpc } from "./commands/rpc.ts";
import { addScreens } from "./commands/screen.ts";
import { addServerKey } from "./commands/server-key.ts";
import { addServers } from "./commands/servers.ts";
import { addOpen, addStart } from "./commands/start.ts";
import { addStatus } from "./commands/status.ts";
import { addTail } from "./commands/tail.ts";
import { addDevices } from "./commands/devices.ts";
import { addVerify } from "./commands/verify.ts";
import { addXray } from "./commands/xray.ts";
import type { Streams } from "./commands/io.ts";
import type { Environment } from "./config/schema.ts";
import { CallFailed } from "./control/client.ts";
import type { ExitCode } from "./exit-codes.ts";
import { CommandError, exitCodes, exitCodesHelp } from "./exit-codes.ts";
import { cleanLine, cleanText } from "./terminal/clean.ts";
import { commandName } from "./terminal/command-name.ts";
import { columns } from "./terminal/style.ts";
import { version } from "./version.ts";

/** Runs the command of this process. */
export async function main(): Promise<void> {
  const { stdin: input, stdout: output, stderr: errors } = process;
  // `fedchat tail | head`: the reader has enough.
  for (const stream of [output, errors]) {
    stream.on("error", (error: NodeJS.ErrnoException) =>
      process.exit(error.code === "EPIPE" ? 0 : exitCodes.failed),
    );
  }
  const environment = { variables: process.env, platform: process.platform, workingFolder: process.cwd() };
  process.exitCode = await run(process.argv.slice(2), { input, output, errors }, environment);
  // Standard input that was read once would keep the process.
  input.destroy();
}

/** @param words the command line after the program's name */
export async function run(
  words: readonly string[],
  streams: Streams,
  environment: Environment,
): Promise<ExitCode> {
  const io = new Io(streams, environment);
  const program = createProgram(io);
  try {
    await program.parseAsync(words, { from: "user" });
    return exitCodes.ok;
  } catch (error) {
    return fail(error, io, words.includes("--json"));
  }
}

function createProgram(io: Io): Command {
  const program = new Command(commandName)
    .description("Your own chat server and client in one command.")
    .version(version, "-V, --version")
    .showHelpAfterError("Run with --help for its options and an example.")
    .configureOutput({
      writeOut: (text) => void io.streams.output.write(text),
      writeErr: (text) => void io.streams.errors.write(text),
    })
    .exitOverride()
    .helpCommand(false)
    .configureHelp({
      subcommandTerm: (command) =>
        [command.name(), ...command.registeredArguments.map(argumentTerm)]
          .filter((word) => word !== "")
          .join(" "),
    })
    .addHelpText(
      "after",
      `\nMore\n${columns(
        [
          [`${commandName} COMMAND --help`, "its options and an example"],
          [`${commandName} help exit-codes`, "what exit codes mean"],
          [`${commandName} config --keys`, "every setting, with an example"],
        ],
        "  ",
      )}`,
    );
  program.commandsGroup("Run");
  addStart(program, io);
  addChat(program, io);
  addOpen(program, io);
  addAccount(program, io);
  addScreens(program, io);
  addDirectory(program, io);
  addServerKey(program, io);
  addNetwork(program, io);
  program.commandsGroup("Servers and people");
  addServers(program, io);
  addAddress(program, io);
  addMap(program, io);
  addInvite(program, io);
  addPeople(program, io);
  addVerify(program, io);
  addDevices(program, io);
  program.commandsGroup("Talk");
  addMessages(program, io);
  addXray(program, io);
  addTail(program, io);
  addHistory(program, io);
  addRpc(program, io);
  program.commandsGroup("Look");
  addStatus(program, io);
  addDoctor(program, io);
  addConfig(program, io);
  program
    .command("help [topic]")
    .description("explain a command, or exit-codes")
    .action((topic: string | undefined) => {
      if (topic === "exit-codes") return io.print(asTyped(exitCodesHelp));
      const command =
        topic === undefined ? program : program.commands.find((known) => known.name() === topic);
      if (command === undefined)
        throw new CommandError(
          exitCodes.usage,
          `There is no command '${cleanLine(topic!)}'.`,
          `See: ${commandName} help`,
        );
      command.outputHelp();
    });
  return program;
}

const argumentTerm = (argument: Argument): string => {
  const name = argument.variadic ? `${argument.name()}…` : argument.name();
  return argument.required ? `<${name}>` : `[${name}]`;
};

function fail(error: unknown, io: Io, json: boolean): ExitCode {
  // Commander has said it already; help and version end this way too.
  if (error instanceof CommanderError) return error.exitCode === 0 ? exitCodes.ok : exitCodes.usage;
  if (!(error instanceof CommandError)) {
    io.note(
      `Something unexpected happened: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}`,
    );
    return exitCodes.failed;
  }
  if (json) {
    const code = error instanceof CallFailed ? error.callCause?.code : undefined;
    io.note(
      JSON.stringify({ error: { exitCode: error.exitCode, code, sentence: error.message, fix: error.fix } }),
    );
  } else {
    io.note(io.style.bad(cleanText(error.message)));
    if (error.fix !== undefined) io.note(`Fix: ${cleanText(error.fix)}`);
  }
  return error.exitCode;
}
