/** A download of several files: read back by its own directory, as unzip does. */
import { crc32 } from "node:zlib";
import { expect, test } from "vitest";
import { zip } from "../src/zip.ts";

/** Files by what the directory at the end says of them; their checksums are looked at. */
function unzipped(bytes: Buffer): Map<string, string> {
  const end = bytes.length - 22;
  expect(bytes.readUInt32LE(end)).toBe(0x06054b50);
  const files = new Map<string, string>();
  let at = bytes.readUInt32LE(end + 16);
  for (let left = bytes.readUInt16LE(end + 10); left > 0; left--) {
    expect(bytes.readUInt32LE(at)).toBe(0x02014b50);
    const [length, nameLength] = [bytes.readUInt32LE(at + 24), bytes.readUInt16LE(at + 28)];
    const name = bytes.toString("utf8", at + 46, at + 46 + nameLength);
    const local = bytes.readUInt32LE(at + 42);
    expect(bytes.readUInt32LE(local)).toBe(0x04034b50);
    const start = local + 30 + bytes.readUInt16LE(local + 26) + bytes.readUInt16LE(local + 28);
    const content = bytes.subarray(start, start + length);
    expect(crc32(content)).toBe(bytes.readUInt32LE(at + 16));
    files.set(name, content.toString("utf8"));
    at += 46 + nameLength;
  }
  expect(at).toBe(end);
  return files;
}

test("holds every file with its name and content, whatever letters they have", async () => {
  const files = [
    { name: "history.jsonl", parts: ['{"a":1}\n', '{"b":"ü"}\n'] },
    { name: "chats/Grüße-1.html", parts: ["<!doctype html>", "日本語"] },
    { name: "empty.txt", parts: [] },
  ];
  const bytes = Buffer.from(await zip(files).arrayBuffer());
  expect([...unzipped(bytes)]).toEqual(files.map(({ name, parts }) => [name, parts.join("")]));
});

test("holds nothing where there is nothing", async () => {
  expect(unzipped(Buffer.from(await zip([]).arrayBuffer())).size).toBe(0);
});
