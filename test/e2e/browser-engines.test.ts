/**
 * Two people on one homeserver, each with the engine in their own browser: invited, request, acceptance, talk, a reload,
 * two windows with one engine between them, and the window that has it closed. And what the homeserver has of it all.
 */
import { execFile } from "node:child_process";
import { copyFile, mkdtempDisposable } from "node:fs/promises";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { promisify } from "node:util";
import AxeBuilder from "@axe-core/playwright";
import type { Page } from "playwright-core";
import { expect, test } from "vitest";
import { desktop, phone, picture } from "../harness/browser.ts";
import { everythingRead, openChat, send } from "../harness/chatting.ts";
import { ca, deleteOf, hubHost, openPerson, password, register, startHub } from "../harness/app-hub.ts";
import { filesOf } from "../harness/engine-secrets.ts";
import type { FedchatProcess } from "../harness/fedchat-process.ts";
import { until } from "../harness/fedchat-process.ts";
import { formsOf } from "../harness/forms-of.ts";
import { storeOfBrowser } from "../harness/browser-store.ts";
import { memoryOf } from "../harness/process-memory.ts";
import { openBrowserElsewhere } from "../harness/trusting-browser.ts";

const run = promisify(execFile);
const main = new URL("../../packages/cli/src/main.ts", import.meta.url).pathname;
const requestText = "damson-request-4410, may I?";
const messageText = "The bittern nests at Tarnwater 90221";
const draftText = "unsent-quince-draft-7755";
/** Long, so that it shows in the archive's size when it is there. */
const keepsake = `kept for a rainy day ${"in the lighthouse ".repeat(500)}end`;

test("[J5] [J6] [X1] two people with engines in their browsers talk over one homeserver, which has nothing to read", async () => {
  await using hub = await startHub();
  await using elsewhere = await openBrowserElsewhere(hubHost, ca);
  const { browser } = elsewhere;

  // The administrator, by the link that only the machine's owner can make.
  const alice = await openPerson(browser, await linkFor(hub.process, "--owner"), desktop);
  await register(alice.page, "Alice");
  expect(alice.page.url()).toBe(`${hub.origin}/app`);

  // Alice invites Bob on her screen; who comes without an invitation is told so.
  await alice.page.getByTestId("nav-settings").click();
  await alice.page.getByTestId("settings-accounts").click();
  await alice.page.getByTestId("account-invite-label").fill("Bob");
  await alice.page.getByTestId("account-invite").click();
  const link = await alice.page.getByTestId("account-invite-link").innerText();
  expect(link).toMatch(new RegExp(`^${hub.origin}/app#[a-z2-7]{52}\\.[a-z2-7]{26}$`));
  await picture(alice.page, "account-invitations");
  await noSeriousFindings(alice.page);
  const bob = await openPerson(browser, `${hub.origin}/app`, phone);
  await bob.page.getByTestId("first-run-invitation").waitFor();
  await bob.page.getByTestId("first-run-name").fill("Bob");
  expect(await bob.page.getByTestId("first-run-start").isDisabled()).toBe(true);
  await picture(bob.page, "app-invitation-missing");
  await noSeriousFindings(bob.page);
  await bob.page.getByTestId("first-run-invitation").fill(link);
  await register(bob.page, "Bob");
  await alice.page.getByTestId("account-invitation").waitFor({ state: "visible" });

  // Request, acceptance, talk.
  await alice.page.getByTestId("nav-people").click();
  await alice.page.getByTestId("person-row").filter({ hasText: "Bob" }).first().click();
  await alice.page.getByTestId("request-text").fill(requestText);
  await alice.page.getByTestId("request-chat").click();
  await bob.page.getByTestId("request-dialog").getByTestId("accept").click();
  await openChat(bob.page, "Alice");
  await openChat(alice.page, "Bob");
  await send(alice.page, messageText);
  await textIn(bob.page, messageText).waitFor();
  await send(bob.page, "heard over reeds");
  await textIn(alice.page, "heard over reeds").waitFor();
  await everythingRead(alice.page);
  await picture(alice.page, "app-talk");
  await picture(bob.page, "app-talk-phone");

  // A reload: the same engine, nothing lost, and no new device.
  await alice.page.reload();
  await openChat(alice.page, "Bob");
  await textIn(alice.page, messageText).waitFor();

  // A second window has no engine of its own. What is written in one shows in the other.
  const second = await alice.context.newPage();
  await second.goto(`${hub.origin}/app`);
  await openChat(second, "Bob");
  await send(second, "from the second window");
  await textIn(alice.page, "from the second window").waitFor();
  await until("one window has the engine", async () => alice.page.workers().length === 1);
  expect(second.workers()).toEqual([]);

  // The window that has the engine is closed: the other takes over, on the same state.
  await alice.page.close();
  await until("the other window has the engine", async () => second.workers().length === 1);
  await send(bob.page, "are you still there?");
  await textIn(second, "are you still there?").waitFor();
  await send(second, "still here");
  await textIn(bob.page, "still here").waitFor();
  await second.getByTestId("composer").fill(draftText);

  expect([...alice.complaints, ...bob.complaints]).toEqual([]);

  // Not one word and not one key of it is on the homeserver: on its disk, in its logs, in its memory.
  const memory = memoryOf(hub.process.info.pid);
  await second.getByTestId("nav-chats").click();
  await second.goto("about:blank");
  await bob.page.goto("about:blank");
  const stores = [
    await storeOfBrowser(alice.context, hub.origin),
    await storeOfBrowser(bob.context, hub.origin),
  ];
  const keys = stores.flatMap(({ keys }) => keys);
  expect(keys.length).toBeGreaterThanOrEqual(8);
  const texts = [requestText, messageText, draftText, "heard over reeds", password];
  const outside = [...filesOf(hub.process), { path: "memory", bytes: memory }];
  expect(outside.some(({ path }) => path.endsWith(".log"))).toBe(true);
  expect(memory.length).toBeGreaterThan(20_000_000);
  const found = outside.flatMap(({ path, bytes }) =>
    [...texts, ...keys].flatMap((secret) =>
      formsOf(secret)
        .filter((form) => bytes.includes(form.bytes))
        .map(
          ({ form }) => `${typeof secret === "string" ? secret : "a key"} as ${form} in ${basename(path)}`,
        ),
    ),
  );
  console.log(`${memory.length} bytes of memory searched`);
  expect(found).toEqual([]);
  // The same search where they belong; and in the memory it finds what is there.
  for (const text of [messageText, "heard over reeds"])
    expect(
      stores.every((store) => store.includes(text)),
      text,
    ).toBe(true);
  expect(memory.includes("account.register")).toBe(true);
});

test("[J5] [J7] on an open homeserver anybody comes in, and what the browser deleted comes back by the password; a closed one says so", async () => {
  await using hub = await startHub("--registration", "open");
  await using elsewhere = await openBrowserElsewhere(hubHost, ca);
  const { browser } = elsewhere;
  const alice = await openPerson(browser, `${hub.origin}/app`, desktop);
  expect(await alice.page.getByTestId("first-run-invitation").count()).toBe(0);
  await register(alice.page, "Alice");
  await alice.page.getByTestId("may-delete").waitFor();
  await picture(alice.page, "may-delete");
  await noSeriousFindings(alice.page);
  await openChat(alice.page, "Notes to self");
  const before = await until("its archive is read", async () => `${await archivedBytes(hub.process)}`);
  await send(alice.page, keepsake);
  await until(
    "it is in the archive",
    async () => (await archivedBytes(hub.process)) > Number(before) + keepsake.length,
    90_000,
  );

  // As browsers do where space runs low: what the engine kept is gone, keys and all. It says so, and knows who it was.
  await deleteOf(alice, hub, "file_systems");
  await alice.page.getByText("Your browser deleted what FedChat kept").waitFor();
  expect(await alice.page.getByTestId("sign-in-handle").inputValue()).toBe("alice");
  await picture(alice.page, "app-deleted");
  await noSeriousFindings(alice.page);

  // Everything of this site is gone, that too.
  await deleteOf(alice, hub, "all");
  await alice.page.getByRole("button", { name: "I have an account on this server" }).click();
  await alice.page.getByTestId("sign-in-handle").fill("alice");
  await alice.page.getByTestId("sign-in-password").fill("not this one at all");
  await alice.page.getByTestId("sign-in-start").click();
  await alice.page.getByText("Name or password is wrong.").waitFor();
  await alice.page.getByTestId("sign-in-password").fill(password);
  await alice.page.getByTestId("sign-in-start").click();
  await openChat(alice.page, "Notes to self");
  await textIn(alice.page, keepsake).waitFor();

  await using closed = await startHub("--registration", "closed");
  const stranger = await openPerson(browser, `${closed.origin}/app`, desktop);
  await stranger.page.getByTestId("closed").waitFor();
  await picture(stranger.page, "app-closed");
  expect([...alice.complaints, ...stranger.complaints]).toEqual([]);
});

test("[F13] [U7] [J7] in a browser the kit's words bring an account back, and messages go both ways", async () => {
  await using hub = await startHub("--registration", "open");
  await using elsewhere = await openBrowserElsewhere(hubHost, ca);
  const alice = await openPerson(elsewhere.browser, `${hub.origin}/app`, desktop);
  const bob = await openPerson(elsewhere.browser, `${hub.origin}/app`, phone);
  await register(alice.page, "Alice");
  await register(bob.page, "Bob");
  await alice.page.getByTestId("nav-people").click();
  await alice.page.getByTestId("person-row").filter({ hasText: "Bob" }).first().click();
  await alice.page.getByTestId("request-text").fill(requestText);
  await alice.page.getByTestId("request-chat").click();
  await bob.page.getByTestId("request-dialog").getByTestId("accept").click();
  await openChat(bob.page, "Alice");
  await openChat(alice.page, "Bob");
  const before = await until("its archive is read", async () => `${await archivedBytes(hub.process)}`);
  await send(alice.page, keepsake);
  await textIn(bob.page, keepsake).waitFor();
  await alice.page.getByTestId("nav-settings").click();
  await alice.page.getByTestId("settings-recovery").click();
  await alice.page.getByTestId("show-kit").click();
  const words = (await alice.page.getByTestId("kit-words").innerText()).trim();
  await until(
    "both have it in the archive",
    async () => (await archivedBytes(hub.process)) > Number(before) + 2 * keepsake.length,
    90_000,
  );

  await deleteOf(alice, hub, "all");
  await alice.page.getByTestId("first-run-lost").click();
  await alice.page.getByTestId("recover-words").fill(words);
  await picture(alice.page, "app-recover");
  await noSeriousFindings(alice.page);
  await alice.page.getByTestId("recover-start").click();
  await openChat(alice.page, "Bob");
  await textIn(alice.page, keepsake).waitFor();
  await alice.page.getByTestId("composer").waitFor();
  await send(alice.page, "back by my words");
  await textIn(bob.page, "back by my words").waitFor();
  await send(bob.page, "good to read you");
  await textIn(alice.page, "good to read you").waitFor();
  await picture(alice.page, "app-recovered");
  expect([...alice.complaints, ...bob.complaints]).toEqual([]);
});

/**
 * How much of its people's archives a homeserver has: it cannot say more of them. Read from a copy, since it holds its
 * store alone; a copy of the middle of a write does not open, and is taken again.
 */
async function archivedBytes({ data }: FedchatProcess): Promise<number> {
  await using copy = await mkdtempDisposable(join(tmpdir(), "fedchat-copy-"));
  for (const name of ["homeserver.sqlite", "homeserver.sqlite-wal"])
    await copyFile(join(data, name), join(copy.path, name));
  using db = new DatabaseSync(join(copy.path, "homeserver.sqlite"));
  return Number(db.prepare("SELECT coalesce(sum(length(bytes)), 0) AS n FROM archive_pieces").get()!["n"]);
}

/** What the machine's owner makes on the command line. */
async function linkFor(hub: FedchatProcess, ...words: string[]): Promise<string> {
  const command = [main, "account", "invite", ...words, "--data", hub.data];
  return atName((await run(process.execPath, command)).stdout.trim());
}

/** The homeserver names an address of this machine; the browser trusts the name. */
const atName = (link: string): string => link.replace(/^https:\/\/[^:/]+/, `https://${hubHost}`);

const textIn = (page: Page, text: string) => page.getByTestId("message-text").filter({ hasText: text });

async function noSeriousFindings(page: Page): Promise<void> {
  const { violations } = await new AxeBuilder({ page }).analyze();
  const serious = violations.filter(({ impact }) => impact === "serious" || impact === "critical");
  expect(serious.map(({ id, nodes }) => `${id}: ${nodes.map(({ html }) => html).join(" ")}`)).toEqual([]);
}
