import { expect, test } from "vitest";
import { textParts } from "../src/text/links.ts";

const links = (text: string) => textParts(text).flatMap((part) => part.href ?? []);

test.each([
  ["see https://example.org/a?b=1&c=2 now", ["https://example.org/a?b=1&c=2"]],
  ["(https://example.org).", ["https://example.org"]],
  ["https://en.wikipedia.org/wiki/Moth_(insect)", ["https://en.wikipedia.org/wiki/Moth_(insect)"]],
  ["http://a.example, https://b.example!", ["http://a.example", "https://b.example"]],
  ["javascript:alert(1) data:text/html,x file:///etc/passwd", []],
  ["no address here: https://", []],
])("finds the addresses of %s", (text, found) => {
  expect(links(text)).toEqual(found);
});

test("loses no letter of the text", () => {
  const text = "a\nhttps://example.org/x), and https://b.example\n\nend.";
  expect(
    textParts(text)
      .map((part) => part.text)
      .join(""),
  ).toBe(text);
});

test("a link says where it goes", () => {
  for (const part of textParts("x https://example.org/\u202egpj.exe y"))
    if (part.href) expect(part.href).toBe(part.text);
});

test("a character that turns the direction of writing ends an address", () => {
  expect(links("https://example.org/\u202egpj.exe")).toEqual(["https://example.org/"]);
});
