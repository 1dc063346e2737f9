/** `fedchat doctor`: first checks, each passed, failed with its cause and fix, or not testable and why. */
import type { Command } from "commander";
import type { Finding } from "../doctor/checks.ts";
import { CommandError, exitCodes } from "../exit-codes.ts";
import { cleanLine } from "../terminal/clean.ts";
import type { CommonOptions } from "./define.ts";
import { define } from "./define.ts";
import type { Io } from "./io.ts";

export function addDoctor(program: Command, io: Io): void {
  define(program, {
    usage: "doctor",
    summary: "check this FedChat: files, port, certificate, keys, clock, links",
    example: "fedchat doctor",
  }).action(async (flags: CommonOptions) => {
    const { config } = io.config(flags);
    const { examine } = await import("../doctor/checks.ts");
    const findings: Finding[] = [];
    for await (const finding of examine(config)) {
      findings.push(finding);
      if (!flags.json) io.print(line(finding, io));
    }
    if (flags.json) io.printJson(findings);
    const failed = findings.filter(({ result }) => result === "failed").length;
    if (failed > 0)
      throw new CommandError(exitCodes.failed, `${failed} of ${findings.length} checks failed.`);
  });
}

function line({ result, check, detail, fix }: Finding, { style }: Io): string {
  const mark = { passed: style.good("✓"), failed: style.bad("✕"), untestable: style.dim("–") }[result];
  const more = detail === "" ? "" : ` ${style.dim(cleanLine(detail))}`;
  return `${mark} ${check}${more}${fix === undefined ? "" : `\n  → ${cleanLine(fix)}`}`;
}
