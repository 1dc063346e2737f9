import { chmodSync, existsSync, readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { nodePrimitives as primitives, nodeRandom as random } from "@fedchat/protocol/primitives/node";
import { describe, expect, test } from "vitest";
import { keyFileName, loadKeys } from "../src/node/keys.ts";
import { SecretFileError, writeOwnerOnlyFile } from "../src/node/owner-only.ts";
import { temporaryFolder } from "./store-places.ts";

const ports = { primitives, random };

describe("server keys", () => {
  test("are made at the first start, for their owner only, and are the same ever after", () => {
    using folder = temporaryFolder();
    const data = join(folder.path, "new", "data");
    const made = loadKeys(data, ports);
    expect(made.identity).not.toEqual(made.noise);
    expect(loadKeys(data, ports)).toEqual(made);
    expect(statSync(join(data, keyFileName)).mode & 0o777).toBe(0o600);
    expect(statSync(data).mode & 0o777).toBe(0o700);
    expect(readdirSync(data)).toEqual([keyFileName]);
  });

  test("that others may read are refused, with what to do", () => {
    using folder = temporaryFolder();
    loadKeys(folder.path, ports);
    const path = join(folder.path, keyFileName);
    for (const mode of [0o640, 0o604, 0o644]) {
      chmodSync(path, mode);
      expect(() => loadKeys(folder.path, ports)).toThrow(`chmod 600 ${path}`);
    }
    chmodSync(path, 0o600);
    loadKeys(folder.path, ports);
  });

  test("that are damaged, mixed up or another program's are never replaced", () => {
    using folder = temporaryFolder();
    using other = temporaryFolder();
    loadKeys(folder.path, ports);
    loadKeys(other.path, ports);
    const path = join(folder.path, keyFileName);
    const text = readFileSync(path, "utf8");
    const file = JSON.parse(text) as Record<string, string>;
    const another = JSON.parse(readFileSync(join(other.path, keyFileName), "utf8")) as typeof file;
    const wrong = [
      "",
      text.slice(0, 80),
      "null",
      "[]",
      "{}",
      JSON.stringify({ ...file, format: "something-else/1" }),
      JSON.stringify({ ...file, noise: undefined }),
      JSON.stringify({ ...file, identity: file["identity"]!.slice(1) }),
      JSON.stringify({ ...file, identity: another["identity"] }),
    ];
    for (const content of wrong) {
      writeFileSync(path, content);
      expect(() => loadKeys(folder.path, ports)).toThrow(SecretFileError);
      expect(() => loadKeys(folder.path, ports)).toThrow("left as it is");
      expect(readFileSync(path, "utf8")).toBe(content);
    }
  });
});

describe("an owner-only file", () => {
  test("is replaced whole, also over what an interrupted write left", () => {
    using folder = temporaryFolder();
    const path = join(folder.path, "secret");
    writeFileSync(`${path}.new`, "half of", { mode: 0o644 });
    writeOwnerOnlyFile(path, "one");
    writeOwnerOnlyFile(path, "two");
    expect(readFileSync(path, "utf8")).toBe("two");
    expect(statSync(path).mode & 0o777).toBe(0o600);
    expect(existsSync(`${path}.new`)).toBe(false);
  });
});
