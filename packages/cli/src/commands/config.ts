/** `fedchat config`: what is in force, and who said so. */
import type { Command } from "commander";
import { exampleOf } from "../config/examples.ts";
import { variableOf } from "../config/load.ts";
import type { ConfigKey } from "../config/schema.ts";
import { configKeys, describeKey } from "../config/schema.ts";
import { cleanLine } from "../terminal/clean.ts";
import { quoted } from "../terminal/command-name.ts";
import { columns } from "../terminal/style.ts";
import type { CommonOptions } from "./define.ts";
import { define } from "./define.ts";
import type { Io } from "./io.ts";

export function addConfig(program: Command, io: Io): void {
  define(program, {
    usage: "config",
    summary: "print the configuration in force and where each value comes from",
    example: "fedchat config\nFEDCHAT_PORT=9000 fedchat config --json",
  })
    .option("--keys", "explain every setting, with an example of its environment variable")
    .action((flags: CommonOptions & { keys?: boolean }) => {
      if (flags.keys) return explain(io, flags);
      const { origins, file } = io.config(flags);
      if (flags.json) return io.printJson({ file: file ?? null, settings: origins }, 2);
      io.print(
        columns(
          configKeys.map((key) => [
            io.style.bold(key),
            shown(origins[key].value, io),
            io.style.dim(cleanLine(origins[key].from)),
          ]),
        ),
      );
      if (file === undefined)
        io.print(io.style.dim("\nThere is no fedchat.toml; it may lie here or in the data folder."));
    });
}

function explain(io: Io, flags: CommonOptions): void {
  const about = (key: ConfigKey) => ({
    key,
    variable: variableOf(key),
    example: exampleOf[key],
    about: describeKey(key),
  });
  if (flags.json) return io.printJson(configKeys.map(about), 2);
  io.print(
    configKeys
      .map((key) => {
        const variable = `${variableOf(key)}=${quoted(exampleOf[key])}`;
        return `${io.style.bold(key)}\n  ${describeKey(key)}\n  ${io.style.dim(variable)}`;
      })
      .join("\n"),
  );
}

function shown(value: unknown, io: Io): string {
  if (value === undefined) return io.style.dim("not set");
  return cleanLine(typeof value === "string" ? value : JSON.stringify(value));
}
