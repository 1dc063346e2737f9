import type { PairingLink, Screens } from "@fedchat/engine/interface";
import { silentLog } from "@fedchat/engine/node";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { PassThrough } from "node:stream";
import { afterEach, beforeEach, expect, test } from "vitest";
import { startControl } from "../src/control/server.ts";
import { exitCodes } from "../src/exit-codes.ts";
import { run } from "../src/program.ts";
import type { ScreenPlaces } from "../src/screen/places.ts";
import { RemoteScreens } from "../src/screen/remote-screens.ts";
import { withScreens } from "../src/screen/screen-methods.ts";
import { InTestEngine } from "./in-test-engine.ts";

const password = "granite lantern orbit velvet";
const reachable: ScreenPlaces = {
  addresses: ["https://chat.example.com"],
  throughProxy: true,
  cause: null,
};

let data: string;
let screens: RemoteScreens;
let program: AsyncDisposable;
let places: ScreenPlaces;
beforeEach(async () => {
  data = mkdtempSync(join(tmpdir(), "fedchat-screen-command-"));
  places = reachable;
  screens = new RemoteScreens({
    path: join(data, "paired-screens.json"),
    places: () => places,
    weakness: async (tried) => (tried === "password" ? "This password is easy to guess." : null),
    now: Date.now,
  });
  const unknown = () => {
    throw new Error("not asked for here");
  };
  const engine = withScreens(new InTestEngine(), screens, "here");
  program = await startControl({ data, host: { info: unknown, open: unknown }, engine, log: silentLog });
});
afterEach(async () => {
  await program[Symbol.asyncDispose]();
  rmSync(data, { recursive: true, force: true });
});

/** Runs `fedchat screen …`. */
async function screen(words: string[], { input = "", terminal = false } = {}) {
  const output = Object.assign(new PassThrough(), { isTTY: terminal });
  const streams = { input: new PassThrough(), output, errors: new PassThrough() };
  const said = { output: "", errors: "" };
  streams.output.on("data", (chunk) => (said.output += String(chunk)));
  streams.errors.on("data", (chunk) => (said.errors += String(chunk)));
  streams.input.end(input);
  const variables = { HOME: data, FEDCHAT_DATA: data, NO_COLOR: "1" };
  const environment = { variables, platform: "linux" as const, workingFolder: data };
  const code = await run(["screen", ...words], streams, environment);
  return { code, ...said };
}

test("enable asks for a password the first time only, and refuses a weak one", async () => {
  const weak = await screen(["enable"], { input: "password\n" });
  expect(weak).toMatchObject({ code: exitCodes.refused, errors: expect.stringContaining("easy to guess") });
  expect((await screen(["enable"], { input: "\n" })).code).toBe(exitCodes.usage);
  const first = await screen(["enable"], { input: `${password}\n` });
  expect(first.output).toContain("are on.\nOpened at https://chat.example.com");
  expect(first.output).toContain("Whoever runs the proxy in front can read");
  expect(first.output).toContain("fedchat screen add");
  expect((await screen(["disable"])).output).toContain("are off.");
  expect(JSON.parse((await screen(["enable", "--json"])).output)).toMatchObject({ enabled: true });
});

test("add prints the link alone for scripts, and a code with it for people", async () => {
  expect(await screen(["add"])).toMatchObject({
    code: exitCodes.refused,
    errors: expect.stringContaining("Fix: Switch them on first: fedchat screen enable"),
  });
  await screens.enable(password);
  const link = /^https:\/\/chat\.example\.com\/pair#[A-Za-z0-9_-]{22}$/;
  expect((await screen(["add"])).output.trim()).toMatch(link);
  const { link: told, expiresAt } = JSON.parse((await screen(["add", "--json"])).output) as PairingLink;
  expect(told).toMatch(link);
  expect(expiresAt).toBeGreaterThan(Date.now());
  const shown = (await screen(["add"], { terminal: true })).output;
  expect(shown).toContain("█");
  expect(shown).toContain("it asks for the screen password there");
});

test("add says why no other device could use a screen", async () => {
  await screens.enable(password);
  const cause = {
    code: "no-trusted-address",
    sentence: "No name.",
    fix: "Set one.",
    retry: "later",
  } as const;
  places = { addresses: [], throughProxy: false, cause };
  expect((await screen(["add"])).errors).toBe("No name.\nFix: Set one.\n");
  expect((await screen(["list"])).output).toContain("No name.\n→ Set one.");
});

test("list shows each screen, remove signs one out by name or id; what several share names none", async () => {
  await screens.enable(password);
  for (const name of ["Phone", "Tablet", "Tablet"]) screens.paired.pair(name);
  const listed = JSON.parse((await screen(["list", "--json"])).output) as Screens;
  expect(listed.screens.map(({ name }) => name)).toEqual(["Phone", "Tablet", "Tablet"]);
  expect((await screen(["list"])).output).toMatch(/Phone +seen 0 s ago +added 0 s ago/);
  expect((await screen(["remove", "Tablet"])).errors).toContain("names several");
  expect((await screen(["remove", "Laptop"])).errors).toContain("There is no screen 'Laptop'");
  expect((await screen(["remove", "Phone"])).output).toContain("Phone is signed out.");
  expect((await screen(["remove", listed.screens[1]!.screenId])).code).toBe(exitCodes.ok);
  expect(screens.paired.list().map(({ id }) => id)).toEqual([listed.screens[2]!.screenId]);
});
