/**
 * Tests of whole rooms: several engines and homeservers with real MLS, a second or more for each test. They are
 * `npm run test:rooms`, so that `npm test` stays a matter of two minutes.
 */
export const roomSuites = [
  "packages/engine/test/hostile-members.test.ts",
  "packages/engine/test/large-rooms.test.ts",
  "packages/engine/test/missing.test.ts",
  "packages/engine/test/rejoin.test.ts",
  "packages/engine/test/room-hub-restored.test.ts",
  "packages/engine/test/room-links.test.ts",
  "packages/engine/test/room-random.test.ts",
  "packages/engine/test/room-succession.test.ts",
  "packages/engine/test/rooms.test.ts",
];
