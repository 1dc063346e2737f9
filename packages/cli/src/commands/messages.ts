/** `fedchat send`, `rooms`, `history`: talking without a screen. */
import type { Message, MessageState, Room } from "@fedchat/engine/interface";
import type { Command } from "commander";
import { Option } from "commander";
import { randomUUID } from "node:crypto";
import { text as readAll } from "node:stream/consumers";
import type { ControlClient } from "../control/client.ts";
import { CommandError, exitCodes } from "../exit-codes.ts";
import { historyPageMessages, sendWaitMs } from "../limits.ts";
import { cleanLine } from "../terminal/clean.ts";
import { columns } from "../terminal/style.ts";
import type { CommonOptions } from "./define.ts";
import { define, durationOption, numberOption } from "./define.ts";
import { because, day, messageLine, roomRow } from "./describe.ts";
import type { Io } from "./io.ts";
import { commandName } from "../terminal/command-name.ts";

/** In the order in which they are confirmed. */
const states = ["waiting", "submitted", "forwarded", "delivered", "read"] as const satisfies MessageState[];
type Awaited = (typeof states)[number];

export function addMessages(program: Command, io: Io): void {
  define(program, {
    usage: "send <who> <text>",
    summary: "send a text to a contact and wait until it is on its way; - reads the text from standard input",
    example: 'fedchat send @bob "hello"\ndate | fedchat send @bob - --wait delivered --timeout 2m',
  })
    .addOption(
      new Option("--wait <state>", "wait until it is in this state, or further")
        .choices(states)
        .default("submitted"),
    )
    .addOption(durationOption("--timeout <duration>", "how long to wait", sendWaitMs))
    .action(async (who: string, text: string, flags: CommonOptions & { wait: Awaited; timeout: number }) => {
      const body = text === "-" ? (await readAll(io.streams.input)).replace(/\n$/, "") : text;
      if (body === "")
        throw new CommandError(
          exitCodes.usage,
          "There is no text to send.",
          "Write it after the person, or - to read it from standard input.",
        );
      using control = await io.control(flags);
      const message = await send(control, { who, text: body, until: flags.wait, withinMs: flags.timeout });
      if (flags.json) io.printJson(message);
      if (message.state === "failed") {
        const refused = message.cause?.retry === "never";
        throw new CommandError(
          refused ? exitCodes.refused : exitCodes.failed,
          because(message.cause),
          message.cause?.fix,
        );
      }
      if (!reached(message, flags.wait)) {
        const why = because(message.cause);
        const sentence = `The message is ${message.state}, not yet ${flags.wait}.${why === "" ? "" : ` ${why}`}`;
        throw new CommandError(exitCodes.timedOut, sentence, "It is kept and goes out by itself.");
      }
      if (!flags.json) io.print(io.style.dim(message.state ?? ""));
    });

  define(program, {
    usage: "rooms",
    summary: "list conversations, last activity first",
    example: "fedchat rooms --json",
  }).action(async (flags: CommonOptions) => {
    using control = await io.control(flags);
    const rooms = await control.call("rooms.list", {});
    if (flags.json) return io.printJson(rooms);
    if (rooms.length === 0) return io.print("No conversations yet.");
    io.print(columns(rooms.map((room) => roomRow(room, io.style, Date.now()))));
  });

  define(program, {
    usage: "history <room>",
    summary: "print a conversation, by person or room, oldest first",
    example: "fedchat history @bob --limit 20",
  })
    .addOption(numberOption("--limit <n>", "how many messages", 1, 10_000).default(historyPageMessages))
    .action(async (word: string, flags: CommonOptions & { limit: number }) => {
      using control = await io.control(flags);
      const room = await roomNamed(control, word);
      const messages = await newest(control, room.roomId, flags.limit);
      if (flags.json) return messages.forEach((message) => io.printJson(message));
      let shownDay = "";
      for (const message of messages) {
        const today = day(message.sentAt);
        if (today !== shownDay) io.print(io.style.dim(`── ${today}`));
        shownDay = today;
        io.print(messageLine(message, io.style));
      }
    });
}

/** Resolves with the message as it stands when it reached `until`, failed, or the time is over. */
async function send(
  control: ControlClient,
  { who, text, until, withinMs }: { who: string; text: string; until: Awaited; withinMs: number },
): Promise<Message> {
  await control.call("engine.subscribe", {});
  const latest = new Map<string, Message>();
  let settle: () => void = () => undefined;
  const settled = new Promise<void>((resolve) => (settle = resolve));
  let sent: Message | undefined;
  const look = () => {
    const now = sent === undefined ? undefined : (latest.get(sent.messageId) ?? sent);
    if (now !== undefined && (now.state === "failed" || reached(now, until))) settle();
  };
  // What is confirmed before the answer to the call is read must not be missed.
  control.onEvent((event) => {
    if (event.type !== "message.changed" || !event.message.mine) return;
    latest.set(event.message.messageId, event.message);
    look();
  });
  sent = await control.call("messages.send", { to: who, text, clientId: randomUUID() });
  look();
  const timer = setTimeout(settle, withinMs);
  await Promise.race([settled, control.closed]);
  clearTimeout(timer);
  return latest.get(sent.messageId) ?? sent;
}

function reached({ state }: Message, until: Awaited): boolean {
  return state !== null && state !== "failed" && states.indexOf(state) >= states.indexOf(until);
}

/** A room by its id or title, or by the person in it. */
async function roomNamed(control: ControlClient, word: string): Promise<Room> {
  const rooms = await control.call("rooms.list", {});
  const wanted = word.toLowerCase();
  const found = rooms.filter(
    ({ roomId, title, peer }) =>
      roomId === wanted ||
      title.toLowerCase() === wanted ||
      peer?.address.toLowerCase() === wanted ||
      peer?.account === wanted,
  );
  if (found.length === 1) return found[0]!;
  if (found.length > 1) {
    throw new CommandError(
      exitCodes.failed,
      `'${cleanLine(word)}' names several conversations.`,
      `See: ${commandName} rooms`,
    );
  }
  const person = await control.call("people.find", { who: word });
  const room = rooms.find(({ roomId }) => roomId === person.roomId);
  if (room !== undefined) return room;
  const sentence = `There is no conversation with ${cleanLine(person.displayName)} yet.`;
  throw new CommandError(
    exitCodes.failed,
    sentence,
    `Ask for one: ${commandName} request '${cleanLine(person.address)}'`,
  );
}

async function newest(control: ControlClient, roomId: string, limit: number): Promise<Message[]> {
  let messages: Message[] = [];
  let before: number | undefined;
  while (messages.length < limit) {
    const page = await control.call("messages.list", {
      roomId,
      limit: Math.min(historyPageMessages, limit - messages.length),
      ...(before === undefined ? {} : { before }),
    });
    messages = [...page.messages, ...messages];
    before = page.messages[0]?.position;
    if (!page.more.before || before === undefined) break;
  }
  return messages;
}
