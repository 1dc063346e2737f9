/** `fedchat doctor`: why nobody can reach you, and the fix. Works on a FedChat that runs, and says what it can of one that does not. */
import type { Examination, Finding } from "@fedchat/protocol";
import type { Command } from "commander";
import type { Config } from "../config/schema.ts";
import type { ControlClient } from "../control/client.ts";
import { connectControl } from "../control/client.ts";
import { failed } from "../doctor/findings.ts";
import { machineFindings } from "../doctor/machine.ts";
import { freePortFinding } from "../doctor/port.ts";
import { CommandError, exitCodes } from "../exit-codes.ts";
import { examinationPollMs, examinationTimeoutMs } from "../limits.ts";
import { cleanLine, cleanText } from "../terminal/clean.ts";
import type { CommonOptions } from "./define.ts";
import { define } from "./define.ts";
import type { Io } from "./io.ts";

export function addDoctor(program: Command, io: Io): void {
  define(program, {
    usage: "doctor",
    summary: "find out how others reach this FedChat, and what keeps them from it",
    example: "fedchat doctor\nfedchat doctor --json   # exit code 1 where something failed",
  }).action(async (flags: CommonOptions) => {
    const { config } = io.config(flags);
    const findings = await examine(config, io);
    if (flags.json) io.printJson(findings);
    else io.print(table(findings, io));
    const bad = findings.filter(({ result }) => result === "failed").length;
    if (bad === 0) return;
    throw new CommandError(
      exitCodes.failed,
      `${bad} of ${findings.length} checks failed.`,
      "Each says what to do, behind →.",
    );
  });
}

async function examine(config: Config, io: Io): Promise<Finding[]> {
  let control: ControlClient;
  try {
    control = await connectControl(config.data, io.command("start"));
  } catch (error) {
    if (!(error instanceof CommandError)) throw error;
    const { message: sentence, fix } = error;
    return [
      failed(
        { check: "running", title: "FedChat runs" },
        { code: "not-running", sentence, ...(fix === undefined ? {} : { fix }) },
      ),
      await freePortFinding(config.host, config.port),
      ...machineFindings(config.data),
    ];
  }
  using connected = control;
  return (await followed(connected, io)).findings;
}

/** Begins an examination, shows what is still looked at, and waits for its end. Rejects with `CommandError` where there is none. */
async function followed(control: ControlClient, io: Io): Promise<Examination> {
  const giveUpAt = performance.now() + examinationTimeoutMs;
  const progress = progressLine(io);
  try {
    for (let now = await control.examine(true); ; now = await control.examine(false)) {
      if (now.finishedAt !== null) return now as Examination;
      progress.show(`Looking at: ${cleanLine(now.pending.join(", "))}`);
      if (performance.now() > giveUpAt) {
        throw new CommandError(
          exitCodes.timedOut,
          `The doctor hangs at: ${now.pending.join(", ")}.`,
          "Run it again; if it stays, start FedChat again.",
        );
      }
      await new Promise((resolve) => setTimeout(resolve, examinationPollMs));
    }
  } finally {
    progress.clear();
  }
}

/** One line on a terminal that is written over; each new text once on anything else. */
function progressLine({ streams: { errors }, style }: Io) {
  let last = "";
  return {
    show(text: string) {
      if (text === last) return;
      last = text;
      if (errors.isTTY !== true) return;
      const columns = (errors as { columns?: number }).columns ?? 80;
      errors.write(`\r\u001b[2K${style.dim(text.slice(0, columns - 1))}`);
    },
    clear() {
      if (errors.isTTY === true && last !== "") errors.write("\r\u001b[2K");
    },
  };
}

function table(findings: readonly Finding[], { style }: Io): string {
  const marks = {
    passed: style.good("✓"),
    warning: style.warn("!"),
    failed: style.bad("✕"),
    untestable: style.dim("–"),
  };
  return findings
    .map(({ title, result, sentence, fix, action }) => {
      const lines = [
        `${marks[result]} ${result === "failed" ? style.bold(cleanLine(title)) : cleanLine(title)}`,
      ];
      if (sentence !== "") lines.push(`  ${style.dim(cleanText(sentence, "  "))}`);
      if (fix !== null) lines.push(`  → ${cleanText(fix, "    ")}`);
      if (action?.kind === "copy") lines.push(`      ${cleanText(action.text, "      ")}`);
      return lines.join("\n");
    })
    .join("\n");
}
