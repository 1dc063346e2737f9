/**
 * The vectors that RFC 9180 prints for DHKEM(X25519, HKDF-SHA256) with HKDF-SHA256, base and auth mode. Throughout:
 * info "Ode on a Grecian Urn", plaintext "Beauty is truth, truth beauty", additional data "Count-<sequence>", and
 * exports of 32 bytes for the contexts "", 0x00 and "TestContext".
 */
export interface Rfc9180Vector {
  readonly section: string;
  readonly aeadId: number;
  readonly ephemeralInput: string;
  readonly recipientPrivateKey: string;
  readonly recipientPublicKey: string;
  /** Auth mode only. */
  readonly sender?: { readonly privateKey: string; readonly publicKey: string };
  readonly encapsulation: string;
  /** By sequence number; none where the suite only exports. */
  readonly ciphertexts: readonly (readonly [sequence: number, ciphertext: string])[];
  readonly exports: readonly [string, string, string];
}

export const rfc9180Vectors: readonly Rfc9180Vector[] = [
  {
    section: "A.1.1",
    aeadId: 1,
    ephemeralInput: "7268600d403fce431561aef583ee1613527cff655c1343f29812e66706df3234",
    recipientPrivateKey: "4612c550263fc8ad58375df3f557aac531d26850903e55a9f23f21d8534e8ac8",
    recipientPublicKey: "3948cfe0ad1ddb695d780e59077195da6c56506b027329794ab02bca80815c4d",
    encapsulation: "37fda3567bdbd628e88668c3c8d7e97d1d1253b6d4ea6d44c150f741f1bf4431",
    ciphertexts: [
      [0, "f938558b5d72f1a23810b4be2ab4f84331acc02fc97babc53a52ae8218a355a96d8770ac83d07bea87e13c512a"],
      [1, "af2d7e9ac9ae7e270f46ba1f975be53c09f8d875bdc8535458c2494e8a6eab251c03d0c22a56b8ca42c2063b84"],
      [2, "498dfcabd92e8acedc281e85af1cb4e3e31c7dc394a1ca20e173cb72516491588d96a19ad4a683518973dcc180"],
      [4, "583bd32bc67a5994bb8ceaca813d369bca7b2a42408cddef5e22f880b631215a09fc0012bc69fccaa251c0246d"],
      [255, "7175db9717964058640a3a11fb9007941a5d1757fda1a6935c805c21af32505bf106deefec4a49ac38d71c9e0a"],
      [256, "957f9800542b0b8891badb026d79cc54597cb2d225b54c00c5238c25d05c30e3fbeda97d2e0e1aba483a2df9f2"],
    ],
    exports: [
      "3853fe2b4035195a573ffc53856e77058e15d9ea064de3e59f4961d0095250ee",
      "2e8f0b54673c7029649d4eb9d5e33bf1872cf76d623ff164ac185da9e88c21a5",
      "e9e43065102c3836401bed8c3c3c75ae46be1639869391d62c61f1ec7af54931",
    ],
  },
  {
    section: "A.1.3",
    aeadId: 1,
    ephemeralInput: "6e6d8f200ea2fb20c30b003a8b4f433d2f4ed4c2658d5bc8ce2fef718059c9f7",
    recipientPrivateKey: "fdea67cf831f1ca98d8e27b1f6abeb5b7745e9d35348b80fa407ff6958f9137e",
    recipientPublicKey: "1632d5c2f71c2b38d0a8fcc359355200caa8b1ffdf28618080466c909cb69b2e",
    sender: {
      privateKey: "dc4a146313cce60a278a5323d321f051c5707e9c45ba21a3479fecdf76fc69dd",
      publicKey: "8b0c70873dc5aecb7f9ee4e62406a397b350e57012be45cf53b7105ae731790b",
    },
    encapsulation: "23fb952571a14a25e3d678140cd0e5eb47a0961bb18afcf85896e5453c312e76",
    ciphertexts: [
      [0, "5fd92cc9d46dbf8943e72a07e42f363ed5f721212cd90bcfd072bfd9f44e06b80fd17824947496e21b680c141b"],
      [1, "d3736bb256c19bfa93d79e8f80b7971262cb7c887e35c26370cfed62254369a1b52e3d505b79dd699f002bc8ed"],
      [2, "122175cfd5678e04894e4ff8789e85dd381df48dcaf970d52057df2c9acc3b121313a2bfeaa986050f82d93645"],
      [4, "dae12318660cf963c7bcbef0f39d64de3bf178cf9e585e756654043cc5059873bc8af190b72afc43d1e0135ada"],
      [255, "55d53d85fe4d9e1e97903101eab0b4865ef20cef28765a47f840ff99625b7d69dee927df1defa66a036fc58ff2"],
      [256, "42fa248a0e67ccca688f2b1d13ba4ba84755acf764bd797c8f7ba3b9b1dc3330326f8d172fef6003c79ec72319"],
    ],
    exports: [
      "28c70088017d70c896a8420f04702c5a321d9cbf0279fba899b59e51bac72c85",
      "25dfc004b0892be1888c3914977aa9c9bbaf2c7471708a49e1195af48a6f29ce",
      "5a0131813abc9a522cad678eb6bafaabc43389934adb8097d23c5ff68059eb64",
    ],
  },
  {
    section: "A.2.1",
    aeadId: 3,
    ephemeralInput: "909a9b35d3dc4713a5e72a4da274b55d3d3821a37e5d099e74a647db583a904b",
    recipientPrivateKey: "8057991eef8f1f1af18f4a9491d16a1ce333f695d4db8e38da75975c4478e0fb",
    recipientPublicKey: "4310ee97d88cc1f088a5576c77ab0cf5c3ac797f3d95139c6c84b5429c59662a",
    encapsulation: "1afa08d3dec047a643885163f1180476fa7ddb54c6a8029ea33f95796bf2ac4a",
    ciphertexts: [
      [0, "1c5250d8034ec2b784ba2cfd69dbdb8af406cfe3ff938e131f0def8c8b60b4db21993c62ce81883d2dd1b51a28"],
      [1, "6b53c051e4199c518de79594e1c4ab18b96f081549d45ce015be002090bb119e85285337cc95ba5f59992dc98c"],
      [2, "71146bd6795ccc9c49ce25dda112a48f202ad220559502cef1f34271e0cb4b02b4f10ecac6f48c32f878fae86b"],
      [4, "63357a2aa291f5a4e5f27db6baa2af8cf77427c7c1a909e0b37214dd47db122bb153495ff0b02e9e54a50dbe16"],
      [255, "18ab939d63ddec9f6ac2b60d61d36a7375d2070c9b683861110757062c52b8880a5f6b3936da9cd6c23ef2a95c"],
      [256, "7a4a13e9ef23978e2c520fd4d2e757514ae160cd0cd05e556ef692370ca53076214c0c40d4c728d6ed9e727a5b"],
    ],
    exports: [
      "4bbd6243b8bb54cec311fac9df81841b6fd61f56538a775e7c80a9f40160606e",
      "8c1df14732580e5501b00f82b10a1647b40713191b7c1240ac80e2b68808ba69",
      "5acb09211139c43b3090489a9da433e8a30ee7188ba8b0a9a1ccf0c229283e53",
    ],
  },
  {
    section: "A.2.3",
    aeadId: 3,
    ephemeralInput: "938d3daa5a8904540bc24f48ae90eed3f4f7f11839560597b55e7c9598c996c0",
    recipientPrivateKey: "3ca22a6d1cda1bb9480949ec5329d3bf0b080ca4c45879c95eddb55c70b80b82",
    recipientPublicKey: "1a478716d63cb2e16786ee93004486dc151e988b34b475043d3e0175bdb01c44",
    sender: {
      privateKey: "2def0cb58ffcf83d1062dd085c8aceca7f4c0c3fd05912d847b61f3e54121f05",
      publicKey: "f0f4f9e96c54aeed3f323de8534fffd7e0577e4ce269896716bcb95643c8712b",
    },
    encapsulation: "f7674cc8cd7baa5872d1f33dbaffe3314239f6197ddf5ded1746760bfc847e0e",
    ciphertexts: [
      [0, "ab1a13c9d4f01a87ec3440dbd756e2677bd2ecf9df0ce7ed73869b98e00c09be111cb9fdf077347aeb88e61bdf"],
      [1, "3265c7807ffff7fdace21659a2c6ccffee52a26d270c76468ed74202a65478bfaedfff9c2b7634e24f10b71016"],
      [2, "3aadee86ad2a05081ea860033a9d09dbccb4acac2ded0891da40f51d4df19925f7a767b076a5cbc9355c8fd35e"],
      [4, "502ecccd5c2be3506a081809cc58b43b94f77cbe37b8b31712d9e21c9e61aa6946a8e922f54eae630f88eb8033"],
      [255, "652e597ba20f3d9241cda61f33937298b1169e6adf72974bbe454297502eb4be132e1c5064702fc165c2ddbde8"],
      [256, "3be14e8b3bbd1028cf2b7d0a691dbbeff71321e7dec92d3c2cfb30a0994ab246af76168480285a60037b4ba13a"],
    ],
    exports: [
      "070cffafd89b67b7f0eeb800235303a223e6ff9d1e774dce8eac585c8688c872",
      "2852e728568d40ddb0edde284d36a4359c56558bb2fb8837cd3d92e46a3a14a8",
      "1df39dc5dd60edcbf5f9ae804e15ada66e885b28ed7929116f768369a3f950ee",
    ],
  },
  {
    section: "A.7.1",
    aeadId: 65535,
    ephemeralInput: "55bc245ee4efda25d38f2d54d5bb6665291b99f8108a8c4b686c2b14893ea5d9",
    recipientPrivateKey: "33d196c830a12f9ac65d6e565a590d80f04ee9b19c83c87f2c170d972a812848",
    recipientPublicKey: "194141ca6c3c3beb4792cd97ba0ea1faff09d98435012345766ee33aae2d7664",
    encapsulation: "e5e8f9bfff6c2f29791fc351d2c25ce1299aa5eaca78a757c0b4fb4bcd830918",
    ciphertexts: [],
    exports: [
      "7a36221bd56d50fb51ee65edfd98d06a23c4dc87085aa5866cb7087244bd2a36",
      "d5535b87099c6c3ce80dc112a2671c6ec8e811a2f284f948cec6dd1708ee33f0",
      "ffaabc85a776136ca0c378e5d084c9140ab552b78f039d2e8775f26efff4c70e",
    ],
  },
  {
    section: "A.7.3",
    aeadId: 65535,
    ephemeralInput: "43b078912a54b591a7b09b16ce89a1955a9dd60b29fb611e044260046e8b061b",
    recipientPrivateKey: "ed88cda0e91ca5da64b6ad7fc34a10f096fa92f0b9ceff9d2c55124304ed8b4a",
    recipientPublicKey: "ffd7ac24694cb17939d95feb7c4c6539bb31621deb9b96d715a64abdd9d14b10",
    sender: {
      privateKey: "c85f136e06d72d28314f0e34b10aadc8d297e9d71d45a5662c2b7c3b9f9f9405",
      publicKey: "89eb1feae431159a5250c5186f72a15962c8d0debd20a8389d8b6e4996e14306",
    },
    encapsulation: "5ac1671a55c5c3875a8afe74664aa8bc68830be9ded0c5f633cd96400e8b5c05",
    ciphertexts: [],
    exports: [
      "83c1bac00a45ed4cb6bd8a6007d2ce4ec501f55e485c5642bd01bf6b6d7d6f0a",
      "08a1d1ad2af3ef5bc40232a64f920650eb9b1034fac3892f729f7949621bf06e",
      "ff3b0e37a9954247fea53f251b799e2edd35aac7152c5795751a3da424feca73",
    ],
  },
];
