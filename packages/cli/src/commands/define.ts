/** How a command is declared: its words, one sentence, an example, and the options that all of them have. */
import type { Command } from "commander";
import { InvalidArgumentError, Option } from "commander";
import { parseDuration } from "../config/text-forms.ts";
import { commandName } from "../terminal/command-name.ts";

export interface CommandSpec {
  /** As commander reads it: `send <who> <text>`. */
  usage: string;
  summary: string;
  example: string;
  /** Commands without a result for scripts have no --json. */
  json?: boolean;
}

/** The options of every command; `json` is false where it was not given. */
export interface CommonOptions {
  data?: string;
  config?: string;
  json?: boolean;
}

export function define(program: Command, { usage, summary, example, json = true }: CommandSpec): Command {
  const command = program
    .command(usage)
    .description(asTyped(summary))
    .option("--data <folder>", "data folder of the FedChat that is meant")
    .option("--config <file>", "configuration file")
    .addHelpText("after", `\nExample\n  ${asTyped(example).split("\n").join("\n  ")}`);
  return json ? command.option("--json", "print JSON for scripts") : command;
}

/** Examples and hints are written with the installed name: here they get the one that this person types. */
export const asTyped = (text: string): string =>
  text.replaceAll(/\bfedchat (?=[a-zA-Z-])/g, () => `${commandName} `);

/** `--name <duration>`, read into milliseconds. */
export function durationOption(flags: string, description: string, defaultMs?: number): Option {
  const option = new Option(flags, description).argParser((text) => {
    const ms = parseDuration(text);
    if (ms === undefined) throw new InvalidArgumentError("Write a duration such as 30s, 10m, 2h or 7d.");
    return ms;
  });
  return defaultMs === undefined ? option : option.default(defaultMs, `${defaultMs / 1_000}s`);
}

/** `--name <number>`, whole and within bounds. */
export function numberOption(flags: string, description: string, min: number, max: number): Option {
  return new Option(flags, description).argParser((text) => {
    const value = Number(text);
    if (text.trim() === "" || !Number.isSafeInteger(value) || value < min || value > max) {
      throw new InvalidArgumentError(`Write a whole number from ${min} to ${max}.`);
    }
    return value;
  });
}
