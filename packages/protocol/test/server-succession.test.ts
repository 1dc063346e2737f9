import { expect, test } from "vitest";
import { compareServerRecord, isReplacedBy, recoveryKeyHashOf, replaceServer } from "../src/index.ts";
import { made, now, p, serverA, serverB, serverC } from "../vectors/make/cast.ts";

const words = made("a server's words");
const hash = recoveryKeyHashOf(p, words);
const said = replaceServer(p, words, { former: serverA.id, successor: serverB.id, issued: now });

test("[R8] the recovery key that a record named says which key comes after its own, and nobody else does", () => {
  expect(isReplacedBy(p, serverB.id, said, hash)).toBe(true);
  expect(isReplacedBy(p, serverC.id, said, hash)).toBe(false);
  expect(isReplacedBy(p, serverB.id, { ...said, server: serverC.id }, hash)).toBe(false);
  expect(isReplacedBy(p, serverB.id, { ...said, issued: now + 1 }, hash)).toBe(false);
  expect(isReplacedBy(p, serverB.id, said, undefined)).toBe(false);
  expect(isReplacedBy(p, serverB.id, said, recoveryKeyHashOf(p, made("other words")))).toBe(false);
  const thief = replaceServer(p, made("other words"), {
    former: serverA.id,
    successor: serverB.id,
    issued: now,
  });
  expect(isReplacedBy(p, serverB.id, thief, hash)).toBe(false);
  expect(isReplacedBy(p, serverB.id, { ...thief, recoveryKey: said.recoveryKey }, hash)).toBe(false);
  const itself = replaceServer(p, words, { former: serverA.id, successor: serverA.id, issued: now });
  expect(isReplacedBy(p, serverA.id, itself, hash)).toBe(false);
});

test("[R7] a recovery key that was named stays, whatever the sequence; it may be named later", () => {
  const named = { ...serverA.record, recoveryKeyHash: hash };
  const later = { sequence: serverA.record.sequence + 1 };
  expect(compareServerRecord({ ...named, ...later }, named, now)).toBe("newer");
  expect(compareServerRecord({ ...named, ...later }, serverA.record, now)).toBe("newer");
  expect(compareServerRecord({ ...serverA.record, ...later }, named, now)).toBe("other-recovery-key");
  const other = { ...named, ...later, recoveryKeyHash: recoveryKeyHashOf(p, made("other words")) };
  expect(compareServerRecord(other, named, now)).toBe("other-recovery-key");
});
