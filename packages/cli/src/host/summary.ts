/** What the terminal says once the program runs. */
import { fingerprint } from "@fedchat/protocol";
import type { ServerId } from "@fedchat/protocol";
import { formatAddress } from "../config/text-forms.ts";
import type { HostInfo, HostOpen } from "../control/host-methods.ts";
import { columns } from "../terminal/style.ts";
import type { Style } from "../terminal/style.ts";

export interface SummaryOptions {
  /** The way into the screen that is just being opened. */
  way: HostOpen | undefined;
  /** Who may open an account here; undefined where only the owner will. */
  registration: string | undefined;
  /** A command of this person's that finds this program again. */
  command: (words: string) => string;
  style: Style;
}

export function startSummary(info: HostInfo, { way, registration, command, style }: SummaryOptions): string {
  const places = info.addresses.map((address) => `${formatAddress(address)} ${style.dim(address.kind)}`);
  const rows: string[][] = [];
  const row = (label: string, ...lines: string[]) =>
    lines.forEach((line, index) => rows.push([style.dim(index === 0 ? label : ""), line]));
  if (info.screen !== null) row("Screen", style.bold(style.accent(info.screen)));
  row("Server", style.bold(info.name));
  row("Server ID", ...fingerprintLines(info.serverId), style.dim(info.serverId));
  row("Reached at", ...(places.length > 0 ? places : [`port ${info.port}`]));
  if (registration !== undefined) row("Accounts", registration);
  row("Data", info.data);
  const hints = info.engine
    ? [
        ...(way === undefined ? [`Open the screen     ${style.bold(command("open"))}`] : []),
        `Invite somebody     ${style.bold(command("invite"))}`,
        `Link a server       ${style.bold(command("link HOST:PORT SERVERID"))}`,
      ]
    : [`Its state           ${style.bold(command("doctor"))}`];
  return [
    "",
    `  ${style.bold("FedChat")} ${style.dim(info.version)} ${style.good("runs")}`,
    "",
    columns(rows, "  "),
    "",
    ...hints.map((hint) => `  ${hint}`),
    `  Stop                ${style.bold("Ctrl+C")}`,
    "",
    ...(way === undefined ? [] : [style.dim(`  If no browser opened, open this file: ${way.path}`), ""]),
  ].join("\n");
}

/** Of an engine and screen alone. */
export function clientSummary(
  info: HostInfo,
  { way, command, style }: Omit<SummaryOptions, "registration">,
): string {
  const rows = [
    [style.dim("Screen"), style.bold(style.accent(info.screen ?? ""))],
    [style.dim("Server"), `${formatAddress(info)} ${style.dim("elsewhere")}`],
    ...fingerprintLines(info.serverId).map((line, index) => [
      style.dim(index === 0 ? "Server ID" : ""),
      line,
    ]),
    [style.dim("Data"), info.data],
  ];
  return [
    "",
    `  ${style.bold("FedChat")} ${style.dim(info.version)} ${style.good("runs")}`,
    "",
    columns(rows, "  "),
    "",
    ...(way === undefined ? [`  Open the screen     ${style.bold(command("open"))}`] : []),
    `  Stop                ${style.bold("Ctrl+C")}`,
    "",
    ...(way === undefined ? [] : [style.dim(`  If no browser opened, open this file: ${way.path}`), ""]),
  ].join("\n");
}

/** In groups of four, for people to compare; two lines. */
function fingerprintLines(id: string): string[] {
  const groups = fingerprint(id as ServerId).split(" ");
  const half = Math.ceil(groups.length / 2);
  return [groups.slice(0, half).join(" "), groups.slice(half).join(" ")];
}
