/**
 * `fedchat server-key`: words on paper by which a homeserver's owner puts another key in the place of one that is stolen or
 * lost. The words are shown once and kept nowhere; both commands need the server to be stopped, since its store is theirs
 * meanwhile. [R7] [R8]
 */
import { existsSync } from "node:fs";
import type { Command } from "commander";
import type { KeyRefusal } from "@fedchat/homeserver/node";
import { fingerprint } from "@fedchat/protocol";
import { nodeClock, nodeRandom } from "@fedchat/protocol/node";
import { nodePrimitives as primitives } from "@fedchat/protocol/primitives/node";
import { CommandError, exitCodes } from "../exit-codes.ts";
import { tryLock } from "../host/lock.ts";
import { startFailure } from "../host/start-failure.ts";
import { dataFiles } from "../owner-files.ts";
import { askSecret } from "../terminal/ask-secret.ts";
import { cleanLine } from "../terminal/clean.ts";
import { commandName } from "../terminal/command-name.ts";
import { columns } from "../terminal/style.ts";
import type { CommonOptions } from "./define.ts";
import { asTyped, define } from "./define.ts";
import type { Io } from "./io.ts";

const ports = { primitives, random: nodeRandom };

export function addServerKey(program: Command, io: Io): void {
  const serverKey = program
    .command("server-key")
    .description("prepare for the loss or theft of this homeserver's key, or replace it")
    .helpCommand(false)
    .addHelpText(
      "after",
      asTyped("\nExample\n  fedchat server-key kit\n  fedchat server-key replace < words.txt"),
    );
  define(serverKey, {
    usage: "kit",
    summary: "show twelve words for paper, by which alone this homeserver's key can be replaced later",
    example: "fedchat server-key kit",
  }).action(async (flags: CommonOptions) => {
    const { kitBytes, kitFromWords, serverRecoverySeed, wordsOfKit } = await import("@fedchat/engine/node");
    const { nameRecoveryKey } = await import("@fedchat/homeserver/node");
    const kit = nodeRandom.bytes(kitBytes);
    const outcome = await whileStopped(io, flags, (folder) =>
      nameRecoveryKey(folder, ports, async () => {
        showWords(io, flags, wordsOfKit(kit));
        const typed = await askSecret(io.streams, "Write them down, then type them as they are on paper: ");
        const isSame = wordsOfKit(kitFromWords(typed)).join() === wordsOfKit(kit).join();
        return isSame ? serverRecoverySeed(primitives, kit) : undefined;
      }),
    );
    if (typeof outcome === "string") throw refused(outcome);
    if (flags.json) return io.printJson({ serverId: outcome.server, named: true });
    io.print("The words are good from the next start on. They are kept nowhere but on your paper.");
    io.print(io.style.dim(`When the key is stolen or lost: ${io.command("server-key replace")}`));
  });
  define(serverKey, {
    usage: "replace",
    summary:
      "the key of this homeserver is stolen or lost: make another one, by the words on paper; everybody who is linked goes over to it by themselves",
    example: "fedchat server-key replace\nfedchat server-key replace --data /srv/fedchat < words.txt",
  })
    .option("--unchecked", "take words that this folder does not know: it is an older backup than they are")
    .action(async (flags: CommonOptions & { unchecked?: boolean }) => {
      const { kitFromWords, serverRecoverySeed } = await import("@fedchat/engine/node");
      const { replaceKeys } = await import("@fedchat/homeserver/node");
      const outcome = await whileStopped(io, flags, async (folder) => {
        const kit = kitFromWords(await askSecret(io.streams, "The twelve words: "));
        const seed = serverRecoverySeed(primitives, kit);
        return await replaceKeys(folder, seed, {
          ...{ ...ports, nowMs: nodeClock.now(), unchecked: flags.unchecked === true },
        });
      });
      if (typeof outcome === "string") throw refused(outcome);
      const { former, server, checked } = outcome;
      if (flags.json) return io.printJson({ former, serverId: server, checked });
      io.print(`This homeserver has another key: ${io.style.bold(fingerprint(server))}`);
      io.print(`The former one, ${former.slice(0, 8)}, is refused wherever that becomes known.`);
      if (!checked)
        io.print(
          "Whether these are the right words, this folder could not tell. If they are not, nobody goes over to this key.",
        );
      io.print("Start it as before. Keep the words: they are good for the next time, too.");
    });
}

/** Throws `CommandError` where it runs, and with why its files cannot be used. */
async function whileStopped<T>(
  io: Io,
  flags: CommonOptions,
  work: (folder: string) => Promise<T>,
): Promise<T> {
  const { data } = io.config(flags).config;
  const { EngineError } = await import("@fedchat/engine/node");
  if (!existsSync(data)) throw refused("no server");
  try {
    using lock = tryLock(dataFiles(data).lock);
    if (lock === undefined)
      throw new CommandError(
        exitCodes.refused,
        `FedChat is running for ${data}.`,
        "Stop it first (Ctrl+C where it runs), then try again.",
      );
    return await work(data);
  } catch (error) {
    if (error instanceof EngineError)
      throw new CommandError(exitCodes.usage, error.message, error.data.fix, { cause: error });
    throw await startFailure(error);
  }
}

function showWords(io: Io, { json }: CommonOptions, words: string[]): void {
  if (json) return io.printJson({ words });
  io.print(
    "These twelve words replace this server's key when it is stolen or lost. Nobody else may have them.\n",
  );
  const numbered = words.map((word, at) => `${String(at + 1).padStart(2)} ${word}`);
  io.print(columns([0, 4, 8].map((from) => numbered.slice(from, from + 4))));
  io.print("");
}

type Refusal = KeyRefusal | "not prepared";

function refused(why: Refusal): CommandError {
  const [sentence, fix] = refusals[why];
  return new CommandError(exitCodes.refused, cleanLine(sentence), fix);
}

const refusals: Record<Refusal, [string, string]> = {
  named: [
    "This homeserver has such words already, and they stay: whoever steals its key cannot take others.",
    "Look for the paper. Nothing was changed.",
  ],
  "not prepared": [
    "These are not the words that were shown. They are void, and nothing was changed.",
    `Begin again: ${commandName} server-key kit`,
  ],
  "no server": ["No homeserver ran in this folder yet.", `Start it once: ${commandName} start`],
  "none named": [
    "This folder knows of no words for this homeserver: none were prepared, or it is a backup from before they were.",
    `If you have such words, start FedChat once (linked servers still know which are right), or try them: ${commandName} server-key replace --unchecked. Without such words nobody believes another key; its people can move away: ${commandName} account move`,
  ],
  "wrong words": [
    "These are not the words of this homeserver.",
    `Look for the paper of its server key. Only where \`${commandName} doctor\` says that others know other words: ${commandName} server-key replace --unchecked`,
  ],
  "too often": [
    "The key of this homeserver was replaced too often.",
    "Its people can move to another server.",
  ],
};
