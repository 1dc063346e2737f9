/** Hints are commands that this person can type, the way the program was started. */
import { expect, test } from "vitest";
import { commandNameOf, quoted } from "../src/terminal/command-name.ts";

const started = (script: string, npmScript?: string) =>
  commandNameOf({ script, npmScript, workingFolder: "/home/a/fedchat" });

test("npm's scripts are reached through npm, an installed command by its name, a file through Node", () => {
  const main = "/home/a/fedchat/packages/cli/src/main.ts";
  expect(started(main, "start")).toBe("npm run -s fedchat --");
  expect(started(main, "fedchat")).toBe("npm run -s fedchat --");
  expect(started("/home/a/fedchat/node_modules/.bin/fedchat", "npx")).toBe("npx fedchat");
  expect(started("/usr/local/bin/fedchat")).toBe("fedchat");
  expect(started(main)).toBe("node packages/cli/src/main.ts");
  expect(started("/srv/my chat/main.ts")).toBe("node '/srv/my chat/main.ts'");
});

test("a folder with a space or a quote is one word", () => {
  expect(quoted("/srv/fedchat")).toBe("/srv/fedchat");
  expect(quoted("/srv/bob's chat")).toBe(String.raw`'/srv/bob'\''s chat'`);
});
