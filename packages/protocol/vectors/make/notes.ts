import type { AccountNote } from "../../src/index.ts";
import {
  accountId,
  accountNoteBody,
  accountNoteSealInfo,
  accountNoteType,
  encode,
  encodeSealedNote,
  hpkeXWing,
  invitationProofInput,
  requestId,
  roomId,
  roomLinkProofInput,
  signAs,
  signedNote,
} from "../../src/index.ts";
import { alice, bob, given, made, now, p } from "./cast.ts";
import { changed, invalid, valid, withField, withoutField, type Fields } from "./cases.ts";
import { toHex, type Json } from "./json.ts";
import { invitationOfBob } from "./invitations.ts";

const id = requestId.fromBytes(made("a request", 16));
const room = roomId.fromBytes(made("a room", 16));
const keyPackages = alice.devices.map(({ certificate }) => made(`key package of ${certificate.name}`, 64));

/** The HMAC that proves an invitation's secret without sending it. */
const proof = p.hmacSha256(
  invitationOfBob.secret,
  invitationProofInput(
    requestId.toBytes(id),
    accountId.toBytes(alice.account),
    accountId.toBytes(bob.account),
  ),
);

const roomProof = p.hmacSha256(
  invitationOfBob.secret,
  roomLinkProofInput(requestId.toBytes(id), accountId.toBytes(alice.account), roomId.toBytes(room)),
);

const fromAlice = {
  request: id,
  sender: alice.signed,
  device: alice.devices[0]!.certificate.device,
  to: bob.account,
  created: now,
};
const fromBob = {
  request: id,
  sender: bob.signed,
  device: bob.devices[0]!.certificate.device,
  to: alice.account,
  created: now + 1_000,
};

const notes: [string, typeof alice, AccountNote][] = [
  [
    "a request",
    alice,
    { ...fromAlice, content: { kind: "request", text: "Hello Bob,\nit is me.", keyPackages } },
  ],
  [
    "a request with an invitation",
    alice,
    {
      ...fromAlice,
      content: { kind: "request", text: "", keyPackages, invitation: { id: invitationOfBob.id, proof } },
    },
  ],
  [
    "asking to be let into a room, by a link",
    alice,
    {
      ...fromAlice,
      content: { kind: "ask", room, keyPackages, link: { id: invitationOfBob.id, proof: roomProof } },
    },
  ],
  [
    "asking to be let into a room that is listed",
    alice,
    { ...fromAlice, content: { kind: "ask", room, keyPackages, link: null } },
  ],
  ["a withdrawal", alice, { ...fromAlice, content: { kind: "withdrawal" } }],
  [
    "an acceptance",
    bob,
    {
      ...fromBob,
      content: {
        kind: "acceptance",
        room,
        hub: bob.record.server,
        welcome: made("a Welcome", 80),
        key: made("info key"),
      },
    },
  ],
  ["another record of its sender", alice, { ...fromAlice, content: { kind: "record" } }],
  ["the answer to a late acceptance", alice, { ...fromAlice, content: { kind: "gone", room } }],
  ["asking to be let in as another device", alice, { ...fromAlice, content: { kind: "enter", room } }],
  [
    "the way in for another device",
    bob,
    {
      ...fromBob,
      content: {
        ...{ kind: "key", room, hub: alice.record.server, term: 2, position: 9 },
        ...{ hash: made("hash of an entry"), key: made("info key") },
      },
    },
  ],
  [
    "the way into a room of many",
    alice,
    {
      ...fromAlice,
      content: {
        kind: "welcome",
        room,
        hub: alice.record.server,
        term: 1,
        position: 7,
        hash: made("hash of an entry"),
        welcome: made("Welcome of many", 80),
        key: made("info key"),
      },
    },
  ],
];

export function accountNotes(): Json {
  const request = encode(accountNoteBody, notes[0]![2]);
  const welcome = (change: (fields: Fields) => void) =>
    changed(encode(accountNoteBody, notes.at(-1)![2]), (fields) =>
      change(fields.get("content") as unknown as Fields),
    );
  const content = (change: (fields: Fields) => void) =>
    changed(request, (fields) => change(fields.get("content") as unknown as Fields));
  const sealedOnce = encodeSealedNote({
    keyId: bob.record.requestKey.id,
    encapsulation: new Uint8Array(1_120),
    ciphertext: new Uint8Array(17),
  });
  return {
    about: [
      "valid, invalid: bodies of notes (`account-note body`) and their sealed container (`sealed note`).",
      "sealed: the device signs `body` as type account-note with `signatureSeed`; `signed` = CBOR {body, signature}. HPKE (RFC 9180) base mode, X-Wing, HKDF-SHA256, AES-256-GCM, info `fedchat/v1/account-note`, AAD = keyId, seals it to the recipient's request key. `payload` is the sealed note; it opens with `requestSeed`, and is made again when X-Wing encapsulates with the 64 bytes `coins` (ML-KEM's 32, then the ephemeral X25519 key).",
      "invitationProof, roomLinkProof: HMAC-SHA256 under `secret` over `input`.",
    ],
    valid: notes.map(([name, , note]) => valid("account-note body", name, note)),
    invalid: [
      invalid("account-note body", "no sender", withoutField(request, "sender")),
      invalid(
        "account-note body",
        "a request id of 15 bytes",
        withField(request, "request", new Uint8Array(15)),
      ),
      invalid(
        "account-note body",
        "content of an unknown kind",
        content((fields) => fields.set("kind", "refusal")),
      ),
      invalid(
        "account-note body",
        "no key packages",
        content((fields) => fields.set("keyPackages", [])),
      ),
      invalid(
        "account-note body",
        "33 key packages",
        content((fields) => fields.set("keyPackages", Array(33).fill(made("x")))),
      ),
      invalid(
        "account-note body",
        "a key package of 8,193 bytes",
        content((fields) => fields.set("keyPackages", [new Uint8Array(8_193)])),
      ),
      invalid(
        "account-note body",
        "301 characters",
        content((fields) => fields.set("text", "x".repeat(301))),
      ),
      invalid(
        "account-note body",
        "text that is no text",
        content((fields) => fields.set("text", made("x"))),
      ),
      invalid(
        "account-note body",
        "text with a control character",
        content((fields) => fields.set("text", "a\u0007b")),
      ),
      invalid(
        "account-note body",
        "text that reorders text",
        content((fields) => fields.set("text", "\u202eolleh")),
      ),
      invalid(
        "account-note body",
        "a proof of 31 bytes",
        content((fields) =>
          fields.set(
            "invitation",
            new Map([
              ["id", made("i", 16)],
              ["proof", made("p", 31)],
            ]),
          ),
        ),
      ),
      invalid(
        "account-note body",
        "asking without saying by which link, not even null",
        changed(encode(accountNoteBody, notes[2]![2]), (fields) =>
          (fields.get("content") as unknown as Fields).delete("link"),
        ),
      ),
      invalid(
        "account-note body",
        "a Welcome without the room's key",
        welcome((fields) => fields.delete("key")),
      ),
      invalid(
        "account-note body",
        "a Welcome of 131,073 bytes",
        welcome((fields) => fields.set("welcome", new Uint8Array(131_073))),
      ),
      invalid(
        "account-note body",
        "an entry's hash of 31 bytes",
        welcome((fields) => fields.set("hash", new Uint8Array(31))),
      ),
      invalid("sealed note", "a key id of 7 bytes", withField(sealedOnce, "keyId", new Uint8Array(7))),
      invalid(
        "sealed note",
        "an encapsulation of X25519",
        withField(sealedOnce, "encapsulation", new Uint8Array(32)),
      ),
      invalid(
        "sealed note",
        "a ciphertext of nothing",
        withField(sealedOnce, "ciphertext", new Uint8Array(16)),
      ),
    ],
    sealed: notes.map(([name, sender, note]) => seal(name, sender, note)),
    roomLinkProof: {
      secret: toHex(invitationOfBob.secret),
      request: toHex(requestId.toBytes(id)),
      asking: toHex(accountId.toBytes(alice.account)),
      room: toHex(roomId.toBytes(room)),
      input: toHex(
        roomLinkProofInput(requestId.toBytes(id), accountId.toBytes(alice.account), roomId.toBytes(room)),
      ),
      proof: toHex(roomProof),
    },
    invitationProof: {
      secret: toHex(invitationOfBob.secret),
      request: toHex(requestId.toBytes(id)),
      asking: toHex(accountId.toBytes(alice.account)),
      inviter: toHex(accountId.toBytes(bob.account)),
      input: toHex(
        invitationProofInput(
          requestId.toBytes(id),
          accountId.toBytes(alice.account),
          accountId.toBytes(bob.account),
        ),
      ),
      proof: toHex(proof),
    },
  };
}

function seal(name: string, sender: typeof alice, note: AccountNote): Json {
  const recipient = sender === alice ? bob : alice;
  const { signatureSeed, certificate } = sender.devices[0]!;
  const { id: keyId, publicKey } = recipient.record.requestKey;
  const body = encode(accountNoteBody, note);
  const signed = encode(signedNote, { body, signature: signAs(p, accountNoteType, signatureSeed, body) });
  const coins = made(`coins of ${name}`, 64);
  const sealed = hpkeXWing(p).sealOnce(
    { recipientPublicKey: publicKey, info: accountNoteSealInfo, random: given(coins) },
    keyId,
    signed,
  )!;
  return {
    name,
    signatureSeed: toHex(signatureSeed),
    signatureKey: toHex(certificate.signatureKey),
    body: toHex(body),
    signed: toHex(signed),
    keyId: toHex(keyId),
    requestSeed: toHex(recipient.requestSeed),
    requestPublicKey: toHex(publicKey),
    coins: toHex(coins),
    payload: toHex(encodeSealedNote({ keyId, ...sealed })),
  };
}
