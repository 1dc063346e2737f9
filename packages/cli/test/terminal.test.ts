import { expect, test } from "vitest";
import { cleanLine, cleanText } from "../src/terminal/clean.ts";
import { qrCode } from "../src/terminal/qr.ts";
import { columns, styleFor } from "../src/terminal/style.ts";

test("escape sequences of a message never reach the terminal", () => {
  const attacks = [
    "\u001b[2J\u001b[1;1Hyou are root",
    "\u001b]0;title\u0007",
    "\u001b]52;c;ZWNobyBoaQ==\u001b\\",
    "\u009b31mred",
    "a\rb",
    "back\b\b\bspace",
    "\u0000\u007f\u0085",
  ];
  for (const attack of attacks) {
    expect(cleanLine(attack)).not.toMatch(/[\u0000-\u001f\u007f-\u009f]/);
    expect(cleanText(attack)).not.toMatch(/[\u0000-\u0009\u000b-\u001f\u007f-\u009f]/);
  }
  expect(cleanLine("\u001b[31mred\u0007")).toBe("␛[31mred␇");
});

test("what turns or hides text is shown as replaced", () => {
  expect(cleanLine("user\u202Egnp.exe")).toBe("user�gnp.exe");
  expect(cleanLine("a\u2066b\u2069c\u200bd\ufeff")).toBe("a�b�c�d�");
  expect(cleanLine("half \ud800 pair")).toBe("half � pair");
});

test("letters, accents and emoji stay as they are", () => {
  for (const text of ["Zoë", "Привет", "こんにちは", "مرحبا", "👩‍👩‍👧 ok", "नमस्ते"])
    expect(cleanLine(text)).toBe(text);
});

test("a second line cannot pass for a message of somebody else", () => {
  expect(cleanText("hi\n10:32 Bob send money", "      ")).toBe("hi\n      10:32 Bob send money");
  expect(cleanLine("two\nlines")).toBe("two⏎lines");
});

test("colours only where a terminal shows them and NO_COLOR is not set", () => {
  expect(styleFor({ isTTY: true }, {}).bold("x")).toBe("\u001b[1mx\u001b[22m");
  expect(styleFor({ isTTY: true }, { NO_COLOR: "1" }).bold("x")).toBe("x");
  expect(styleFor({ isTTY: false }, {}).bold("x")).toBe("x");
});

test("columns are as wide as their widest cell, colours not counted", () => {
  const { bold } = styleFor({ isTTY: true }, {});
  const table = columns([
    [bold("ab"), "1"],
    ["日本", "2"],
    ["abcde", "3"],
  ]);
  expect(table.split("\n")).toEqual([`${bold("ab")}     1`, "日本   2", "abcde  3"]);
});

test("a QR code is dark on light in colour, plain blocks otherwise", () => {
  expect(qrCode("https://example.com/i#x", false)).toMatch(/^[█▀▄ \n]+$/);
  expect(qrCode("x", true).split("\n")[0]).toMatch(/^\u001b\[97;40m.*\u001b\[0m$/);
});
