/** `fedchat xray`: where a message is, on which way, who keeps it, and why it waits. */
import type { XrayStep } from "@fedchat/engine/interface";
import type { Command } from "commander";
import { cleanLine } from "../terminal/clean.ts";
import { columns, type Style } from "../terminal/style.ts";
import type { CommonOptions } from "./define.ts";
import { define } from "./define.ts";
import { clock, day } from "./describe.ts";
import type { Io } from "./io.ts";

export function addXray(program: Command, io: Io): void {
  define(program, {
    usage: "xray <message>",
    summary:
      "tell where a message is, step by step, and why it waits; message ids stand in fedchat history --json",
    example: "fedchat xray $(fedchat send @bob hello --json | jq -r .messageId)",
  }).action(async (messageId: string, flags: CommonOptions) => {
    using control = await io.control(flags);
    const steps = await control.call("messages.xray", { messageId: messageId.toLowerCase() });
    if (flags.json) return io.printJson(steps);
    io.print(columns(steps.flatMap((step) => stepRows(step, io.style, Date.now()))));
  });
}

function stepRows(step: XrayStep, style: Style, now: number): string[][] {
  const sign = {
    done: style.good("✓"),
    now: style.warn("●"),
    pending: style.dim("○"),
    failed: style.bad("✕"),
  }[step.state];
  const sentence = cleanLine(step.sentence);
  const words = step.state === "pending" ? style.dim(sentence) : sentence;
  const time = step.at === null ? "" : moment(step.at, now);
  return [[sign, time, words], ...details(step, now).map((line) => ["", "", style.dim(line)])];
}

function details({ path = [], keptUntil, nextTryAt, fix }: XrayStep, now: number): string[] {
  return [
    ...(path.length === 0 ? [] : [`by way of ${path.map(({ name }) => cleanLine(name)).join(" → ")}`]),
    ...(keptUntil === undefined ? [] : [`kept until ${moment(keptUntil, now)}`]),
    ...(nextTryAt === undefined ? [] : [`next try ${moment(nextTryAt, now)}`]),
    ...(fix === undefined ? [] : [`→ ${cleanLine(fix)}`]),
  ];
}

/** The day only where it is another. */
function moment(at: number, now: number): string {
  return day(at) === day(now) ? clock(at) : `${day(at)} ${clock(at)}`;
}
