import { seededRandom } from "../seeded-random.ts";
import { unhex } from "../vectors.ts";
import { publishedFile, same } from "./published-file.ts";

interface Case {
  ref_hash: { label: string; out: string; value: string };
  expand_with_label: { secret: string; label: string; context: string; length: number; out: string };
  derive_secret: { secret: string; label: string; out: string };
  derive_tree_secret: { secret: string; label: string; generation: number; length: number; out: string };
  sign_with_label: { priv: string; pub: string; content: string; label: string; signature: string };
  encrypt_with_label: Record<
    "priv" | "pub" | "label" | "context" | "plaintext" | "kem_output" | "ciphertext",
    string
  >;
}

export const cryptoBasics = publishedFile<Case>(
  "crypto-basics",
  "[RFC 9420 §5, §8] labelled operations",
  (c, suite) => {
    const { ref_hash: ref, expand_with_label: ex, derive_secret: ds, derive_tree_secret: dt } = c;
    same(suite.refHash(ref.label, unhex(ref.value)), ref.out, "RefHash");
    const expanded = suite.expandWithLabel(unhex(ex.secret), ex.label, unhex(ex.context), ex.length);
    same(expanded, ex.out, "ExpandWithLabel");
    same(suite.deriveSecret(unhex(ds.secret), ds.label), ds.out, "DeriveSecret");
    const tree = suite.deriveTreeSecret(unhex(dt.secret), dt.label, dt.generation, dt.length);
    same(tree, dt.out, "DeriveTreeSecret");

    const { sign_with_label: s, encrypt_with_label: e } = c;
    const [pub, content] = [unhex(s.pub), unhex(s.content)];
    same(suite.verifyWithLabel(pub, s.label, content, unhex(s.signature)), true, "VerifyWithLabel");
    const own = suite.signWithLabel(unhex(s.priv), s.label, content);
    same(suite.verifyWithLabel(pub, s.label, content, own), true, "SignWithLabel");
    same(suite.verifyWithLabel(pub, `${s.label}x`, content, own), false, "another label");

    const key = { privateKey: unhex(e.priv), publicKey: unhex(e.pub) };
    const sealed = { kemOutput: unhex(e.kem_output), ciphertext: unhex(e.ciphertext) };
    const opened = suite.decryptWithLabel(key, e.label, unhex(e.context), sealed);
    same(opened, e.plaintext, "DecryptWithLabel");
    const random = seededRandom("basics");
    const again = suite.encryptWithLabel(random, key.publicKey, e.label, unhex(e.context), opened!);
    same(suite.decryptWithLabel(key, e.label, unhex(e.context), again!), e.plaintext, "EncryptWithLabel");
    same(suite.decryptWithLabel(key, e.label, unhex("00"), again!), undefined, "another context");
  },
);
