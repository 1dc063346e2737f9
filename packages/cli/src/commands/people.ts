/** `fedchat people`, `request`, `requests`, `accept`, `decline`: who is there, and who may talk with us. */
import { type Request, Visibility } from "@fedchat/engine/interface";
import type { Command } from "commander";
import { CommandError, exitCodes } from "../exit-codes.ts";
import { cleanLine } from "../terminal/clean.ts";
import { columns } from "../terminal/style.ts";
import type { CommonOptions } from "./define.ts";
import { define } from "./define.ts";
import { personRow, requestRow } from "./describe.ts";
import type { Io } from "./io.ts";

export function addPeople(program: Command, io: Io): void {
  define(program, {
    usage: "people",
    summary: "list the people of linked servers, with who is online",
    example: "fedchat people --refresh",
  })
    .option("--refresh", "ask the linked servers anew")
    .option("--search <name>", "look beyond linked servers and in directories, too")
    .action(async (flags: CommonOptions & { refresh?: boolean; search?: string }) => {
      using control = await io.control(flags);
      const people =
        flags.search === undefined
          ? await control.call("people.list", { refresh: flags.refresh === true })
          : await control.call("people.search", { text: flags.search });
      if (flags.json) return io.printJson(people);
      if (people.length === 0 && flags.search !== undefined)
        return io.print(
          `Nobody is found by this name. They may not let themselves be shown this far; an invitation reaches anybody: ${io.command("invite")}`,
        );
      if (people.length === 0)
        return io.print(
          `Nobody yet. Invite somebody: ${io.command("invite")}; or link a server: ${io.command("link")} --help`,
        );
      io.print(columns(people.map((person) => personRow(person, io.style))));
    });

  define(program, {
    usage: "visibility [circle]",
    summary: "say to whom you are shown: hidden, linked, beyond or directory; or see it",
    example: "fedchat visibility beyond",
  }).action(async (circle: string | undefined, flags: CommonOptions) => {
    using control = await io.control(flags);
    if (circle !== undefined) {
      const chosen = Visibility.safeParse(circle);
      if (!chosen.success) {
        const choices = Visibility.options.join(", ");
        throw new CommandError(
          exitCodes.usage,
          `'${cleanLine(circle)}' is none of: ${choices}.`,
          `Write such as: ${io.command("visibility linked")}`,
        );
      }
      await control.call("people.setVisibility", { visibility: chosen.data });
    }
    const { visibility } = await control.call("people.visibility", {});
    if (flags.json) return io.printJson({ visibility });
    io.print(shownTo[visibility]);
  });

  define(program, {
    usage: "request <who> [text]",
    summary: "ask a person for a chat",
    example: 'fedchat request bob@chat.example.com "Alice from the book club"',
  }).action(async (who: string, text: string | undefined, flags: CommonOptions) => {
    using control = await io.control(flags);
    const request = await control.call("requests.send", { who, text: text ?? "" });
    if (flags.json) return io.printJson(request);
    if (request.state === "failed") {
      throw new CommandError(
        exitCodes.refused,
        cleanLine(request.cause?.sentence ?? "The request failed."),
        request.cause?.fix,
      );
    }
    const name = cleanLine(request.displayName);
    io.print(request.state === "accepted" ? `You and ${name} can talk now.` : `${name} is asked.`);
  });

  define(program, {
    usage: "requests",
    summary: "list chat requests, theirs and yours",
    example: "fedchat requests --pending",
  })
    .option("--pending", "only those that are open")
    .action(async (flags: CommonOptions & { pending?: boolean }) => {
      using control = await io.control(flags);
      const all = await control.call("requests.list", {});
      const requests = flags.pending ? all.filter(({ state }) => state === "pending") : all;
      if (flags.json) return io.printJson(requests);
      if (requests.length === 0)
        return io.print(`No requests. Ask somebody for a chat: ${io.command("request")} WHO`);
      io.print(columns(requests.map((request) => requestRow(request, io.style))));
    });

  define(program, {
    usage: "accept <who>",
    summary: "accept a chat request, by its sender or its id",
    example: "fedchat accept bob@chat.example.com",
  }).action(async (who: string, flags: CommonOptions) => {
    using control = await io.control(flags);
    const request = pendingFrom(io, await control.call("requests.list", {}), who);
    const room = await control.call("requests.accept", { requestId: request.requestId });
    if (flags.json) io.printJson(room);
    else io.print(`You and ${cleanLine(request.displayName)} can talk now.`);
  });

  define(program, {
    usage: "decline <who>",
    summary: "decline a chat request; the sender is not told",
    example: "fedchat decline mallory@chat.example.org",
  }).action(async (who: string, flags: CommonOptions) => {
    using control = await io.control(flags);
    const request = pendingFrom(io, await control.call("requests.list", {}), who);
    await control.call("requests.decline", { requestId: request.requestId });
    if (flags.json) io.printJson({ requestId: request.requestId });
    else io.print(`${cleanLine(request.displayName)} is not told.`);
  });
}

const shownTo: Record<Visibility, string> = {
  hidden: "You are shown to people of this server only.",
  linked: "You are shown to people of linked servers.",
  beyond: "You are shown to people of linked servers, and of servers linked with these.",
  directory: "You are shown to people of linked servers, of servers linked with these, and in directories.",
};

/** The one open request of this sender: by the request's id or its start, account, address or name. */
function pendingFrom(io: Io, requests: readonly Request[], word: string): Request {
  const open = requests.filter(({ direction, state }) => direction === "incoming" && state === "pending");
  const wanted = word.toLowerCase();
  const found = open.filter(
    ({ requestId, account, address, displayName }) =>
      [requestId, account, address.toLowerCase(), displayName.toLowerCase()].includes(wanted) ||
      (wanted.length >= 4 && requestId.startsWith(wanted)),
  );
  if (found.length === 1) return found[0]!;
  const sentence =
    found.length === 0
      ? `There is no open request from '${cleanLine(word)}'.`
      : `'${cleanLine(word)}' sent several requests.`;
  throw new CommandError(exitCodes.failed, sentence, `See: ${io.command("requests --pending")}`);
}
