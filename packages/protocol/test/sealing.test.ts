/** What is sealed: bundles between homeservers, notes between accounts; and invitations, whose secret is proved. */
import { describe, expect, test } from "vitest";
import {
  accountNoteSealInfo,
  accountNoteType,
  bundleAad,
  bundleSealInfo,
  decode,
  decodeBundle,
  decodeBundleBody,
  decodeSealedNote,
  encode,
  encodeBundleParts,
  encodeSealedNote,
  formatInvitationLink,
  hpkeX25519,
  hpkeXWing,
  invitation,
  invitationProofInput,
  roomLinkProofInput,
  parseInvitationLink,
  ProtocolError,
  signAs,
  signedNote,
  verifyAs,
} from "../src/index.ts";
import { given } from "../vectors/make/cast.ts";
import { fromHex, fromJson, toHex, type Json } from "../vectors/make/json.ts";
import { backends, flipped } from "./backends.ts";
import { thrownBy } from "./cbor-cases.ts";
import { bytesOf, vectorFile } from "./vector-files.ts";

type Hex<Name extends string> = Record<Name, string>;

interface Bundles {
  seals: ({ name: string; sealNumber: number } & Hex<
    | "senderPrivateKey"
    | "senderPublicKey"
    | "recipientPrivateKey"
    | "recipientPublicKey"
    | "info"
    | "ephemeralKeyMaterial"
    | "encapsulation"
    | "aad"
    | "body"
    | "sealed"
    | "bundle"
  >)[];
}

interface Notes {
  sealed: ({ name: string } & Hex<
    | "signatureSeed"
    | "signatureKey"
    | "body"
    | "signed"
    | "keyId"
    | "requestSeed"
    | "requestPublicKey"
    | "coins"
    | "payload"
  >)[];
  invitationProof: Hex<"secret" | "request" | "asking" | "inviter" | "input" | "proof">;
  roomLinkProof: Hex<"secret" | "request" | "asking" | "room" | "input" | "proof">;
}

describe.each(backends)("bundles ($name)", ({ primitives }) => {
  const { seals } = vectorFile<Bundles>("bundle.json");
  const suite = hpkeX25519(primitives);

  test("[B3] seals are made again from the same ephemeral key", () => {
    const { recipientPublicKey, senderPrivateKey, info, ephemeralKeyMaterial, encapsulation } = hexOf(
      seals[0]!,
    );
    const setup = suite.setupAuthSender({
      recipientPublicKey,
      senderPrivateKey,
      info,
      random: given(ephemeralKeyMaterial),
    })!;
    expect(setup.encapsulation).toEqual(encapsulation);
    for (const seal of seals) {
      const { aad, body } = hexOf(seal);
      expect(toHex(setup.context.seal(seal.sealNumber, aad, body))).toBe(seal.sealed);
    }
  });

  test.each(seals)("[B3] $name opens for its destination", (seal) => {
    const { recipientPrivateKey, senderPublicKey, bundle } = hexOf(seal);
    const { header, route, aad, sealed } = decodeBundle(bundle);
    expect(bundleAad(header)).toEqual(aad);
    expect(bundleSealInfo(header.source, header.destination)).toEqual(fromHex(seal.info));
    expect(encodeBundleParts(aad, route, sealed)).toEqual(bundle);
    const { encapsulation, sealNumber } = header;
    const info = bundleSealInfo(header.source, header.destination);
    const options = { encapsulation, recipientPrivateKey, senderPublicKey, info };
    const context = suite.setupAuthReceiver(options)!;
    const body = context.open(sealNumber, aad, sealed)!;
    expect(toHex(body)).toBe(seal.body);
    expect(() => decodeBundleBody(body)).not.toThrow();
    for (const index of [0, 70, 100, aad.length - 1]) {
      expect(context.open(sealNumber, flipped(aad, index), sealed)).toBeUndefined();
    }
    expect(context.open(sealNumber, aad, flipped(sealed, 3))).toBeUndefined();
    expect(context.open(sealNumber + 1, aad, sealed)).toBeUndefined();
  });

  test("[B2] another route leaves the seal as it is", () => {
    const { bundle } = hexOf(seals[0]!);
    const { aad, sealed, header } = decodeBundle(bundle);
    const rerouted = decodeBundle(
      encodeBundleParts(aad, { hopLimit: 2, path: [header.source, header.destination] }, sealed),
    );
    expect(rerouted.aad).toEqual(aad);
    expect(rerouted.sealed).toEqual(sealed);
  });
});

describe.each(backends)("account notes ($name)", ({ primitives: p }) => {
  const { sealed, invitationProof, roomLinkProof } = vectorFile<Notes>("account-note.json");

  test.each(sealed)("[Q2] $name is sealed again and opened", (note) => {
    const bytes = hexOf(note);
    const signature = signAs(p, accountNoteType, bytes.signatureSeed, bytes.body);
    expect(toHex(encode(signedNote, { body: bytes.body, signature }))).toBe(note.signed);
    const once = hpkeXWing(p).sealOnce(
      { recipientPublicKey: bytes.requestPublicKey, info: accountNoteSealInfo, random: given(bytes.coins) },
      bytes.keyId,
      bytes.signed,
    )!;
    expect(toHex(encodeSealedNote({ keyId: bytes.keyId, ...once }))).toBe(note.payload);

    const { keyId, encapsulation, ciphertext } = decodeSealedNote(bytes.payload);
    const options = { encapsulation, recipientPrivateKey: bytes.requestSeed, info: accountNoteSealInfo };
    const opened = hpkeXWing(p).openOnce(options, keyId, ciphertext)!;
    const { body, signature: their } = decode(signedNote, opened);
    expect(body).toEqual(bytes.body);
    expect(verifyAs(p, accountNoteType, bytes.signatureKey, body, their)).toBe(true);
    expect(hpkeXWing(p).openOnce(options, flipped(keyId, 0), ciphertext)).toBeUndefined();
    expect(hpkeXWing(p).openOnce(options, keyId, flipped(ciphertext, 9))).toBeUndefined();
  });

  test("[Q7] an invitation is proved over this request of this account to this inviter", () => {
    const { secret, request, asking, inviter, input, proof } = bytesOf({ ...invitationProof });
    expect(invitationProofInput(request!, asking!, inviter!)).toEqual(input);
    expect(p.hmacSha256(secret!, input!)).toEqual(proof);
    expect(p.hmacSha256(secret!, invitationProofInput(request!, inviter!, asking!))).not.toEqual(proof);
    expect(() => invitationProofInput(request!.subarray(1), asking!, inviter!)).toThrow("lengths");
  });

  test("[I8] a room link is proved over this request of this account for this room", () => {
    const { secret, request, asking, room, input, proof } = bytesOf({ ...roomLinkProof });
    expect(roomLinkProofInput(request!, asking!, room!)).toEqual(input);
    expect(p.hmacSha256(secret!, input!)).toEqual(proof);
    expect(p.hmacSha256(secret!, invitationProofInput(request!, asking!, asking!))).not.toEqual(proof);
    expect(() => roomLinkProofInput(request!, asking!, room!.subarray(1))).toThrow("lengths");
  });
});

describe("invitation links", () => {
  const vectors = vectorFile<{
    valid: { name: string; base: string; value: Json; encoded: string; link: string }[];
    validToo: { name: string; link: string }[];
    invalid: { name: string; link: string; error: string }[];
  }>("invitation.json");

  test.each(vectors.valid)("[I1] $name", ({ base, value, encoded, link }) => {
    const given = fromJson(value) as ReturnType<typeof parseInvitationLink>;
    expect(toHex(encode(invitation, given))).toBe(encoded);
    expect(formatInvitationLink(base, given)).toBe(link);
    expect(formatInvitationLink(`${base}/`, given)).toBe(link);
    expect(parseInvitationLink(link)).toEqual(given);
  });

  test.each(vectors.validToo)("[I1] $name", ({ link }) => {
    expect(parseInvitationLink(link)).toEqual(fromJson(vectors.valid[0]!.value));
  });

  test.each(vectors.invalid)("[I1] refused: $name", ({ link, error }) => {
    const thrown = thrownBy(() => parseInvitationLink(link));
    expect(thrown).toBeInstanceOf(ProtocolError);
    expect((thrown as ProtocolError).code).toBe(error);
  });

  test("[I1] [I2] the secret stands in the fragment, which no browser sends", () => {
    const [{ link, base }] = vectors.valid as [(typeof vectors.valid)[number]];
    expect(link.slice(0, link.indexOf("#"))).toBe(`${base}/i`);
  });
});

function hexOf<T extends Record<string, string | number>>(strings: T): Record<keyof T, Uint8Array> {
  const entries = Object.entries(strings).map(([name, value]) => [
    name,
    typeof value === "string" ? fromHex(value) : value,
  ]);
  return Object.fromEntries(entries) as Record<keyof T, Uint8Array>;
}
