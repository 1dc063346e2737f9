/**
 * The engine's tables, by version. A store's `user_version` says how many of the migrations below it has; they are
 * applied in one transaction. Times are Unix milliseconds; identifiers are their base32 text; causes are JSON.
 */
import type { Database } from "./database.ts";
import { StoreUnusableError } from "./database.ts";

/**
 * Brings the store to a version, the newest unless an older one is named. A store of a newer program is left as it is.
 */
export function migrate(db: Database, to = migrations.length): void {
  const version = db.get<{ user_version: number }>("PRAGMA user_version")!.user_version;
  if (version > migrations.length) {
    throw new StoreUnusableError(
      `This store was written by a newer FedChat (store version ${version}, this program knows ${migrations.length}). ` +
        "Nothing was changed. Start the newer program, or move the store away to begin anew.",
    );
  }
  if (version >= to) return;
  db.transaction(() => {
    for (const migration of migrations.slice(version, to)) db.exec(migration);
    db.exec(`PRAGMA user_version = ${to}`);
  });
}

const first = `
CREATE TABLE identity (
  one INTEGER PRIMARY KEY CHECK (one = 1),
  state TEXT NOT NULL CHECK (state IN ('registering', 'open')),
  account TEXT NOT NULL,
  accountSeed BLOB NOT NULL,
  recoverySeed BLOB,
  device TEXT NOT NULL,
  deviceName TEXT NOT NULL,
  signatureSeed BLOB NOT NULL,
  noisePrivateKey BLOB NOT NULL,
  certificate BLOB NOT NULL,
  record BLOB NOT NULL,
  fencing INTEGER NOT NULL,
  administrator INTEGER NOT NULL,
  hasPassword INTEGER NOT NULL,
  createdAt INTEGER NOT NULL
) STRICT;

CREATE TABLE requestKeys (id BLOB PRIMARY KEY, seed BLOB NOT NULL, createdAt INTEGER NOT NULL) STRICT;
CREATE TABLE settings (name TEXT PRIMARY KEY, value BLOB NOT NULL) STRICT;
CREATE TABLE sealedVersions (name TEXT PRIMARY KEY, version INTEGER NOT NULL) STRICT;

CREATE TABLE accounts (
  account TEXT PRIMARY KEY,
  server TEXT NOT NULL,
  handle TEXT NOT NULL,
  displayName TEXT NOT NULL,
  sequence INTEGER NOT NULL,
  record BLOB NOT NULL
) STRICT;

CREATE TABLE servers (server TEXT PRIMARY KEY, view BLOB NOT NULL) STRICT;

CREATE TABLE contacts (
  account TEXT PRIMARY KEY,
  nickname TEXT,
  room TEXT NOT NULL,
  since INTEGER NOT NULL
) STRICT;

CREATE TABLE blocked (account TEXT PRIMARY KEY, at INTEGER NOT NULL, wanted INTEGER NOT NULL, told INTEGER NOT NULL) STRICT;

CREATE TABLE requests (
  id TEXT PRIMARY KEY,
  direction TEXT NOT NULL CHECK (direction IN ('incoming', 'outgoing')),
  account TEXT NOT NULL,
  server TEXT NOT NULL,
  text TEXT NOT NULL,
  why TEXT NOT NULL,
  createdAt INTEGER NOT NULL,
  state TEXT NOT NULL,
  cause TEXT,
  room TEXT,
  keyPackage BLOB
) STRICT;
CREATE INDEX requestsByAccount ON requests (account, state);
CREATE INDEX requestsByState ON requests (direction, state, createdAt);

CREATE TABLE keyPackages (
  reference BLOB PRIMARY KEY,
  keyPackage BLOB NOT NULL,
  privatePart BLOB NOT NULL,
  purpose TEXT NOT NULL CHECK (purpose IN ('request', 'stock', 'last-resort')),
  request TEXT,
  createdAt INTEGER NOT NULL
) STRICT;
CREATE INDEX keyPackagesByRequest ON keyPackages (request);

CREATE TABLE rooms (
  id TEXT PRIMARY KEY,
  kind TEXT NOT NULL CHECK (kind IN ('notes', 'pair')),
  peer TEXT,
  createdAt INTEGER NOT NULL,
  lastActivityAt INTEGER NOT NULL,
  state TEXT NOT NULL CHECK (state IN ('open', 'closed', 'broken')),
  cause TEXT,
  readPosition INTEGER NOT NULL DEFAULT 0,
  reportedPosition INTEGER NOT NULL DEFAULT 0,
  draft TEXT NOT NULL DEFAULT ''
) STRICT;
CREATE INDEX roomsByPeer ON rooms (peer);

CREATE TABLE groups (room TEXT PRIMARY KEY, groupId BLOB NOT NULL UNIQUE, state BLOB NOT NULL) STRICT;

CREATE TABLE counters (
  room TEXT NOT NULL,
  device TEXT NOT NULL,
  highest INTEGER NOT NULL,
  previous TEXT,
  PRIMARY KEY (room, device)
) STRICT, WITHOUT ROWID;

CREATE TABLE gaps (
  room TEXT NOT NULL,
  device TEXT NOT NULL,
  first INTEGER NOT NULL,
  last INTEGER NOT NULL,
  PRIMARY KEY (room, device, first)
) STRICT, WITHOUT ROWID;

CREATE TABLE messages (
  position INTEGER PRIMARY KEY AUTOINCREMENT,
  id TEXT NOT NULL UNIQUE,
  room TEXT NOT NULL,
  kind TEXT NOT NULL CHECK (kind IN ('text', 'notice')),
  sender TEXT NOT NULL,
  mine INTEGER NOT NULL,
  sentAt INTEGER NOT NULL,
  receivedAt INTEGER NOT NULL,
  text TEXT NOT NULL,
  inReplyTo TEXT,
  content BLOB,
  state TEXT,
  submittedAt INTEGER,
  forwardedAt INTEGER,
  deliveredAt INTEGER,
  readAt INTEGER,
  cause TEXT,
  clientId TEXT UNIQUE
) STRICT;
CREATE INDEX messagesByRoom ON messages (room, position);
CREATE INDEX unreadByRoom ON messages (room, position) WHERE mine = 0 AND kind = 'text';

CREATE VIRTUAL TABLE messageText USING fts5 (
  text, content = 'messages', content_rowid = 'position', tokenize = 'unicode61 remove_diacritics 2'
);
CREATE TRIGGER messageTextAdded AFTER INSERT ON messages WHEN new.kind = 'text' BEGIN
  INSERT INTO messageText (rowid, text) VALUES (new.position, new.text);
END;
CREATE TRIGGER messageTextRemoved AFTER DELETE ON messages WHEN old.kind = 'text' BEGIN
  INSERT INTO messageText (messageText, rowid, text) VALUES ('delete', old.position, old.text);
END;

CREATE TABLE outgoing (
  seq INTEGER PRIMARY KEY AUTOINCREMENT,
  envelope TEXT NOT NULL UNIQUE,
  kind TEXT NOT NULL,
  created INTEGER NOT NULL,
  server TEXT NOT NULL,
  account TEXT NOT NULL,
  payload BLOB NOT NULL,
  grantFirst INTEGER NOT NULL,
  purpose TEXT NOT NULL,
  subject TEXT NOT NULL,
  state TEXT NOT NULL CHECK (state IN ('queued', 'submitted', 'failed')),
  attempts INTEGER NOT NULL DEFAULT 0
) STRICT;
CREATE INDEX outgoingByState ON outgoing (state, seq);
CREATE INDEX outgoingBySubject ON outgoing (subject);

CREATE TABLE receipts (
  room TEXT NOT NULL,
  message TEXT NOT NULL,
  status INTEGER NOT NULL,
  PRIMARY KEY (room, message)
) STRICT, WITHOUT ROWID;

CREATE TABLE inboxCursor (one INTEGER PRIMARY KEY CHECK (one = 1), incarnation BLOB NOT NULL, position INTEGER NOT NULL) STRICT;
CREATE TABLE seenEnvelopes (envelope TEXT PRIMARY KEY, at INTEGER NOT NULL) STRICT, WITHOUT ROWID;
CREATE INDEX seenEnvelopesByTime ON seenEnvelopes (at);

CREATE TABLE invitations (
  id TEXT PRIMARY KEY,
  secret BLOB NOT NULL,
  label TEXT NOT NULL,
  createdAt INTEGER NOT NULL,
  expiresAt INTEGER NOT NULL,
  usesMax INTEGER NOT NULL,
  usesLeft INTEGER NOT NULL,
  revoked INTEGER NOT NULL
) STRICT;
CREATE TABLE invitationUses (
  invitation TEXT NOT NULL,
  account TEXT NOT NULL,
  displayName TEXT NOT NULL,
  at INTEGER NOT NULL,
  PRIMARY KEY (invitation, account)
) STRICT, WITHOUT ROWID;

CREATE TABLE notices (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  level TEXT NOT NULL,
  cause TEXT NOT NULL,
  at INTEGER NOT NULL
) STRICT;
`;

/** Relays that signed for a message on its way; path: JSON. */
const custody = `
CREATE TABLE messageCustody (
  message TEXT NOT NULL,
  relay TEXT NOT NULL,
  taken INTEGER NOT NULL,
  until INTEGER NOT NULL,
  path TEXT NOT NULL,
  PRIMARY KEY (message, relay)
) STRICT, WITHOUT ROWID;
`;

/** The relays that a message passed on a connection; path: JSON. */
const ways = `
CREATE TABLE messageWays (message TEXT PRIMARY KEY, path TEXT NOT NULL) STRICT, WITHOUT ROWID;
`;

/**
 * Groups are kept as small records, in another cipher suite. Groups and key packages of before cannot be carried over:
 * their rooms keep their history and say how to go on.
 */
const groupRecords = `
UPDATE rooms SET
  state = 'broken',
  cause = '{"code":"room-broken","sentence":"This chat was encrypted by an earlier FedChat, in a way that is no longer used.","retry":"never","fix":"Send a new chat request. What was written stays here."}'
WHERE kind = 'pair' AND state = 'open';
DELETE FROM keyPackages;
DROP TABLE groups;
CREATE TABLE groups (room TEXT PRIMARY KEY, groupId BLOB NOT NULL UNIQUE) STRICT;
CREATE TABLE groupRecords (
  room TEXT NOT NULL,
  name TEXT NOT NULL,
  value BLOB NOT NULL,
  PRIMARY KEY (room, name)
) STRICT, WITHOUT ROWID;
`;

/** Servers that a used invitation lets be linked back, until that is done. */
const linksBack = `
CREATE TABLE linksBack (server TEXT PRIMARY KEY, at INTEGER NOT NULL) STRICT, WITHOUT ROWID;
`;

/** An envelope goes to several accounts of one server; in its lane everything is submitted in order. */
const outgoingLanes = `
ALTER TABLE outgoing RENAME COLUMN account TO accounts;
ALTER TABLE outgoing ADD COLUMN lane TEXT NOT NULL DEFAULT '';
UPDATE outgoing SET lane = accounts;
`;

/**
 * Rooms of many. roomLogs: how far a room's log was followed; head: the hash of the entry there; following: whether our
 * homeserver knows that we do, or is to know that we do not any more; renewedAt: when this device's keys there were made.
 * roomPeople: the participants as the group's state has them, for lists and for sending; roomHeard: those
 * who have said or done something, and so have joined; roomNames: everybody who ever was one. roomChanges: what this person wants changed and no commit has done yet; change: JSON. pendingCommits and
 * pendingRecords: our Commit that is not in the log yet, and the group as it is after it. waitingMessages: of epochs that
 * are not here yet.
 */
const roomsOfMany = `
CREATE TABLE roomsAnew (
  id TEXT PRIMARY KEY,
  kind TEXT NOT NULL CHECK (kind IN ('notes', 'pair', 'group')),
  peer TEXT,
  name TEXT NOT NULL DEFAULT '',
  joining TEXT NOT NULL DEFAULT 'invited',
  inviting TEXT NOT NULL DEFAULT 'moderators',
  invitedBy TEXT,
  createdAt INTEGER NOT NULL,
  lastActivityAt INTEGER NOT NULL,
  state TEXT NOT NULL CHECK (state IN ('invited', 'open', 'closed', 'broken')),
  cause TEXT,
  readPosition INTEGER NOT NULL DEFAULT 0,
  reportedPosition INTEGER NOT NULL DEFAULT 0,
  draft TEXT NOT NULL DEFAULT ''
) STRICT;
INSERT INTO roomsAnew (id, kind, peer, createdAt, lastActivityAt, state, cause, readPosition, reportedPosition, draft)
  SELECT id, kind, peer, createdAt, lastActivityAt, state, cause, readPosition, reportedPosition, draft FROM rooms;
DROP TABLE rooms;
ALTER TABLE roomsAnew RENAME TO rooms;
CREATE INDEX roomsByPeer ON rooms (peer);

CREATE TABLE roomLogs (
  room TEXT PRIMARY KEY,
  hub TEXT NOT NULL,
  term INTEGER NOT NULL,
  position INTEGER NOT NULL,
  head BLOB NOT NULL,
  following TEXT NOT NULL CHECK (following IN ('wanted', 'told', 'over')),
  renewedAt INTEGER NOT NULL
) STRICT;
CREATE TABLE roomPeople (
  room TEXT NOT NULL,
  account TEXT NOT NULL,
  server TEXT NOT NULL,
  handle TEXT NOT NULL,
  displayName TEXT NOT NULL,
  role TEXT NOT NULL,
  PRIMARY KEY (room, account)
) STRICT, WITHOUT ROWID;
CREATE TABLE roomHeard (
  room TEXT NOT NULL,
  account TEXT NOT NULL,
  PRIMARY KEY (room, account)
) STRICT, WITHOUT ROWID;
CREATE TABLE roomNames (
  account TEXT PRIMARY KEY,
  server TEXT NOT NULL,
  handle TEXT NOT NULL,
  displayName TEXT NOT NULL
) STRICT, WITHOUT ROWID;
CREATE TABLE roomChanges (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  room TEXT NOT NULL,
  change TEXT NOT NULL,
  createdAt INTEGER NOT NULL
) STRICT;
CREATE INDEX roomChangesByRoom ON roomChanges (room, id);
CREATE TABLE pendingCommits (
  room TEXT PRIMARY KEY,
  item BLOB NOT NULL,
  info BLOB,
  welcome BLOB,
  access BLOB,
  changes TEXT NOT NULL,
  createdAt INTEGER NOT NULL
) STRICT;
CREATE TABLE pendingRecords (
  room TEXT NOT NULL,
  name TEXT NOT NULL,
  value BLOB NOT NULL,
  PRIMARY KEY (room, name)
) STRICT, WITHOUT ROWID;
CREATE TABLE waitingMessages (
  seq INTEGER PRIMARY KEY AUTOINCREMENT,
  room TEXT NOT NULL,
  epoch INTEGER NOT NULL,
  envelope TEXT NOT NULL,
  sender TEXT NOT NULL,
  server TEXT NOT NULL,
  created INTEGER NOT NULL,
  payload BLOB NOT NULL
) STRICT;
CREATE INDEX waitingMessagesByRoom ON waitingMessages (room, epoch, seq);
CREATE TABLE messageReceipts (
  message TEXT NOT NULL,
  account TEXT NOT NULL,
  deliveredAt INTEGER,
  readAt INTEGER,
  PRIMARY KEY (message, account)
) STRICT, WITHOUT ROWID;
ALTER TABLE contacts ADD COLUMN capability BLOB;
ALTER TABLE contacts ADD COLUMN capabilityTold INTEGER NOT NULL DEFAULT 0;
`;

/** All that were stocked before are for hybrid rooms. */
const keyPackageSuites = `
ALTER TABLE keyPackages ADD COLUMN suite TEXT NOT NULL DEFAULT 'hybrid';
`;

/** Keys that were compared, and other keys at contacts' addresses. [N9] [N11] */
const verification = `
CREATE TABLE verified (account TEXT PRIMARY KEY, at INTEGER NOT NULL, how TEXT NOT NULL) STRICT, WITHOUT ROWID;
CREATE TABLE keyChanges (
  contact TEXT PRIMARY KEY,
  other TEXT NOT NULL,
  server TEXT NOT NULL,
  handle TEXT NOT NULL,
  at INTEGER NOT NULL,
  decided INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX accountsByAddress ON accounts (server, handle);
`;

/**
 * roomsToOrder: rooms whose messages of before came and are not in order yet. roomAliases: rooms whose messages are kept
 * in another one. markersToReach: how far a room was read, where that message is still to come.
 */
const historyOfBefore = `
CREATE TABLE roomsToOrder (room TEXT PRIMARY KEY) STRICT, WITHOUT ROWID;
CREATE TABLE roomAliases (room TEXT PRIMARY KEY, kept TEXT NOT NULL) STRICT, WITHOUT ROWID;
CREATE TABLE markersToReach (room TEXT PRIMARY KEY, message TEXT NOT NULL) STRICT, WITHOUT ROWID;
`;

/** Chats of two have logs like any room. Groups of before have none: their rooms keep their history and say how to go on. */
const pairsWithLogs = `
UPDATE rooms SET
  state = 'broken',
  cause = '{"code":"room-broken","sentence":"This chat was opened by an earlier FedChat, in a way that is no longer used.","retry":"never","fix":"Send a new chat request. What was written stays here."}'
WHERE kind = 'pair' AND state = 'open';
DELETE FROM groupRecords WHERE room IN (SELECT id FROM rooms WHERE kind = 'pair');
DELETE FROM groups WHERE room IN (SELECT id FROM rooms WHERE kind = 'pair');
`;

/**
 * Missing messages. counters.received: the highest that is here; told, beaten: what others were told of that. gaps: where
 * what is missing belongs. asks: who is asked for it; whom: a device; asked: JSON. messageProofs: what messages are handed
 * on by. groupEpochs: GroupContexts; own: this device was there itself. groupMembers: who was in a group when.
 */
const missingMessages = `
ALTER TABLE counters ADD COLUMN received INTEGER NOT NULL DEFAULT 0;
ALTER TABLE counters ADD COLUMN told INTEGER NOT NULL DEFAULT 0;
ALTER TABLE counters ADD COLUMN beaten INTEGER NOT NULL DEFAULT 0;
UPDATE counters SET received = highest;
ALTER TABLE gaps ADD COLUMN sure INTEGER NOT NULL DEFAULT 1;
ALTER TABLE gaps ADD COLUMN before INTEGER NOT NULL DEFAULT 0;
ALTER TABLE gaps ADD COLUMN follower INTEGER NOT NULL DEFAULT 0;
ALTER TABLE messages ADD COLUMN lateFrom TEXT;
CREATE TABLE asks (
  room TEXT NOT NULL,
  device TEXT NOT NULL,
  id BLOB UNIQUE,
  whom TEXT,
  seed BLOB,
  asked TEXT NOT NULL,
  rounds INTEGER NOT NULL,
  at INTEGER NOT NULL,
  PRIMARY KEY (room, device)
) STRICT, WITHOUT ROWID;
CREATE INDEX asksByTime ON asks (at);
CREATE TABLE beats (room TEXT PRIMARY KEY, at INTEGER NOT NULL, times INTEGER NOT NULL) STRICT, WITHOUT ROWID;
CREATE TABLE messageProofs (
  room TEXT NOT NULL,
  device TEXT NOT NULL,
  counter INTEGER NOT NULL,
  message TEXT NOT NULL,
  previous TEXT,
  groupId BLOB NOT NULL,
  epoch INTEGER NOT NULL,
  leaf INTEGER NOT NULL,
  created INTEGER NOT NULL,
  head BLOB NOT NULL,
  tail BLOB NOT NULL,
  signature BLOB NOT NULL,
  PRIMARY KEY (room, device, counter)
) STRICT, WITHOUT ROWID;
CREATE INDEX messageProofsByMessage ON messageProofs (message);
CREATE INDEX messageProofsByEpoch ON messageProofs (groupId, epoch);
CREATE TABLE groupEpochs (
  groupId BLOB NOT NULL,
  epoch INTEGER NOT NULL,
  context BLOB NOT NULL,
  own INTEGER NOT NULL,
  PRIMARY KEY (groupId, epoch)
) STRICT;
CREATE TABLE groupMembers (
  groupId BLOB NOT NULL,
  device TEXT NOT NULL,
  account TEXT NOT NULL,
  key BLOB NOT NULL,
  first INTEGER NOT NULL,
  last INTEGER,
  PRIMARY KEY (groupId, device, first)
) STRICT, WITHOUT ROWID;
CREATE INDEX groupMembersByDevice ON groupMembers (device);
`;

/**
 * Expiring messages. messages.expiresAt: when it goes; expireAfterMs: how long after it was read. rooms.expireAfterMs: what
 * this person's messages there get. A deleted message's words leave the search index at once, not with its next merge.
 */
const expiring = `
ALTER TABLE messages ADD COLUMN expiresAt INTEGER;
ALTER TABLE messages ADD COLUMN expireAfterMs INTEGER;
ALTER TABLE rooms ADD COLUMN expireAfterMs INTEGER;
CREATE INDEX messagesByExpiry ON messages (expiresAt) WHERE expiresAt IS NOT NULL;
INSERT INTO messageText (messageText, rank) VALUES ('secure-delete', 1);
`;

/**
 * Where rooms' logs may go on otherwise: roomPlaces: the entry at which the group's present state began; locked: a Commit
 * behind it that nobody can follow named another access key. roomResends: our messages of epochs that were lost. roomSnapshots
 * and their records: former states, by the entry at which they began; wanted, changes: JSON. lostBranches: states of what
 * was lost, to read by. roomHolds: whom a lost branch took out.
 */
const branches = `
CREATE TABLE roomPlaces (
  room TEXT PRIMARY KEY,
  hub TEXT NOT NULL,
  term INTEGER NOT NULL,
  position INTEGER NOT NULL,
  head BLOB NOT NULL,
  locked INTEGER NOT NULL DEFAULT 0
) STRICT, WITHOUT ROWID;
CREATE TABLE roomSnapshots (
  room TEXT NOT NULL,
  position INTEGER NOT NULL,
  hub TEXT NOT NULL,
  term INTEGER NOT NULL,
  head BLOB NOT NULL,
  at INTEGER NOT NULL,
  wanted TEXT NOT NULL,
  changes TEXT NOT NULL,
  PRIMARY KEY (room, position)
) STRICT, WITHOUT ROWID;
CREATE TABLE roomSnapshotRecords (
  room TEXT NOT NULL,
  position INTEGER NOT NULL,
  name TEXT NOT NULL,
  value BLOB NOT NULL,
  PRIMARY KEY (room, position, name)
) STRICT, WITHOUT ROWID;
CREATE TABLE lostBranches (id INTEGER PRIMARY KEY AUTOINCREMENT, room TEXT NOT NULL, at INTEGER NOT NULL) STRICT;
CREATE TABLE lostBranchRecords (
  branch INTEGER NOT NULL,
  name TEXT NOT NULL,
  value BLOB NOT NULL,
  PRIMARY KEY (branch, name)
) STRICT, WITHOUT ROWID;
CREATE TABLE roomResends (
  room TEXT NOT NULL,
  message TEXT NOT NULL,
  counter INTEGER NOT NULL,
  previous TEXT,
  PRIMARY KEY (room, message)
) STRICT, WITHOUT ROWID;
CREATE TABLE roomHolds (
  room TEXT NOT NULL,
  account TEXT NOT NULL,
  at INTEGER NOT NULL,
  PRIMARY KEY (room, account)
) STRICT, WITHOUT ROWID;
`;

/** What devices share, as it lies in sealed storage. */
const sharedRecords = `
CREATE TABLE shared (name TEXT PRIMARY KEY, plaintext BLOB NOT NULL) STRICT, WITHOUT ROWID;
DELETE FROM sealedVersions;
`;

/** In the order in which stores get them: new ones come last. */
/**
 * The archive at the homeserver. archiveDirty: what is to be archived. archived: in which segment what stands.
 * archiveSegments: this device's; stale: it holds something that is no more; upload: sealed, while it is on its way.
 * archiveToRead: segments of other devices' archives that were found when this one was new. What is here already is to
 * be archived.
 */
const archive = `
CREATE TABLE archiveDirty (kind TEXT NOT NULL, key TEXT NOT NULL, PRIMARY KEY (kind, key)) STRICT, WITHOUT ROWID;
CREATE TABLE archived (
  kind TEXT NOT NULL,
  key TEXT NOT NULL,
  segment INTEGER NOT NULL,
  PRIMARY KEY (kind, key)
) STRICT, WITHOUT ROWID;
CREATE INDEX archivedBySegment ON archived (segment);
CREATE TABLE archiveSegments (
  number INTEGER PRIMARY KEY,
  holds TEXT NOT NULL CHECK (holds IN ('people', 'messages')),
  hash BLOB NOT NULL,
  bytes INTEGER NOT NULL,
  lines INTEGER NOT NULL,
  newest INTEGER NOT NULL,
  stale INTEGER NOT NULL,
  upload BLOB
) STRICT;
CREATE TABLE archiveToRead (
  device TEXT NOT NULL,
  number INTEGER NOT NULL,
  holds TEXT NOT NULL,
  hash BLOB NOT NULL,
  bytes INTEGER NOT NULL,
  lines INTEGER NOT NULL,
  newest INTEGER NOT NULL,
  state TEXT NOT NULL CHECK (state IN ('wanted', 'read', 'missing')),
  PRIMARY KEY (device, number)
) STRICT, WITHOUT ROWID;

INSERT INTO archiveDirty SELECT 'message', id FROM messages;
INSERT INTO archiveDirty SELECT 'room', id FROM rooms;
INSERT INTO archiveDirty SELECT 'contact', account FROM contacts;
INSERT INTO archiveDirty SELECT 'blocked', account FROM blocked;

CREATE TRIGGER archiveMessage AFTER INSERT ON messages BEGIN
  INSERT OR IGNORE INTO archiveDirty VALUES ('message', new.id);
END;
CREATE TRIGGER archiveMessageState AFTER UPDATE OF state ON messages WHEN old.state IS NOT new.state BEGIN
  INSERT OR IGNORE INTO archiveDirty VALUES ('message', new.id);
END;
CREATE TRIGGER archiveMessageContent AFTER UPDATE OF text, content ON messages BEGIN
  INSERT OR IGNORE INTO archiveDirty VALUES ('message', new.id);
  UPDATE archiveSegments SET stale = 1
    WHERE number = (SELECT segment FROM archived WHERE kind = 'message' AND key = old.id);
END;
CREATE TRIGGER archiveMessageGone AFTER DELETE ON messages BEGIN
  UPDATE archiveSegments SET stale = 1
    WHERE number = (SELECT segment FROM archived WHERE kind = 'message' AND key = old.id);
  DELETE FROM archived WHERE kind = 'message' AND key = old.id;
  DELETE FROM archiveDirty WHERE kind = 'message' AND key = old.id;
END;
CREATE TRIGGER archiveRoom AFTER INSERT ON rooms BEGIN
  INSERT OR IGNORE INTO archiveDirty VALUES ('room', new.id);
END;
CREATE TRIGGER archiveRoomChanged AFTER UPDATE OF name, joining, inviting, state, readPosition ON rooms BEGIN
  INSERT OR IGNORE INTO archiveDirty VALUES ('room', new.id);
END;
CREATE TRIGGER archiveRoomPeople AFTER INSERT ON roomPeople BEGIN
  INSERT OR IGNORE INTO archiveDirty VALUES ('room', new.room);
END;
CREATE TRIGGER archiveRoomLog AFTER INSERT ON roomLogs BEGIN
  INSERT OR IGNORE INTO archiveDirty VALUES ('room', new.room);
END;
CREATE TRIGGER archiveContact AFTER INSERT ON contacts BEGIN
  INSERT OR IGNORE INTO archiveDirty VALUES ('contact', new.account);
END;
CREATE TRIGGER archiveContactChanged AFTER UPDATE ON contacts BEGIN
  INSERT OR IGNORE INTO archiveDirty VALUES ('contact', new.account);
END;
CREATE TRIGGER archiveContactRecord AFTER INSERT ON accounts
  WHEN EXISTS (SELECT 1 FROM contacts WHERE account = new.account) BEGIN
  INSERT OR IGNORE INTO archiveDirty VALUES ('contact', new.account);
END;
CREATE TRIGGER archiveBlocked AFTER INSERT ON blocked BEGIN
  INSERT OR IGNORE INTO archiveDirty VALUES ('blocked', new.account);
END;
CREATE TRIGGER archiveUnblocked AFTER DELETE ON blocked BEGIN
  INSERT OR IGNORE INTO archiveDirty VALUES ('blocked', old.account);
END;
`;

/** Links into rooms of many, and who asks to come in. keyPackages: CBOR. */
const roomAsking = `
CREATE TABLE roomLinks (
  id TEXT PRIMARY KEY,
  room TEXT NOT NULL,
  maker TEXT NOT NULL,
  secret BLOB NOT NULL,
  label TEXT NOT NULL,
  createdAt INTEGER NOT NULL,
  expiresAt INTEGER NOT NULL,
  usesMax INTEGER,
  usesLeft INTEGER,
  revoked INTEGER NOT NULL
) STRICT;
CREATE INDEX roomLinksByRoom ON roomLinks (room);
CREATE TABLE roomAsks (
  id TEXT PRIMARY KEY,
  direction TEXT NOT NULL CHECK (direction IN ('incoming', 'outgoing')),
  room TEXT NOT NULL,
  roomName TEXT NOT NULL,
  account TEXT NOT NULL,
  server TEXT NOT NULL,
  createdAt INTEGER NOT NULL,
  state TEXT NOT NULL,
  cause TEXT,
  link TEXT,
  keyPackages BLOB
) STRICT;
CREATE INDEX roomAsksByRoom ON roomAsks (room, account);
CREATE TABLE roomAsked (ask TEXT NOT NULL, account TEXT NOT NULL, PRIMARY KEY (ask, account)) STRICT, WITHOUT ROWID;
`;

/** Rooms that others see in lists, by which link they ask, and whether they are still to. */
const roomListings = `
CREATE TABLE roomListings (
  room TEXT PRIMARY KEY,
  link TEXT NOT NULL,
  description TEXT NOT NULL,
  wanted INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
`;

/** Records by which a lost branch of a room's log revoked devices; record: in base32. */
const roomRevocations = `
CREATE TABLE roomRevocations (
  room TEXT NOT NULL,
  account TEXT NOT NULL,
  sequence INTEGER NOT NULL,
  record TEXT NOT NULL,
  at INTEGER NOT NULL,
  PRIMARY KEY (room, account)
) STRICT, WITHOUT ROWID;
`;

/**
 * Rooms that this device is to come into by itself: what a member told of the way in, and how often they were asked; and
 * Welcomes that wait for the room's tree. note: CBOR.
 */
const entering = `
CREATE TABLE roomEntering (
  room TEXT PRIMARY KEY,
  key BLOB,
  hub TEXT,
  term INTEGER,
  position INTEGER,
  head BLOB,
  asks INTEGER NOT NULL,
  askedAt INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE TABLE treelessWelcomes (
  room TEXT PRIMARY KEY,
  sender BLOB NOT NULL,
  note BLOB NOT NULL
) STRICT, WITHOUT ROWID;
`;

/** Who may own rooms when their owners are gone; JSON. */
const roomSuccession = "ALTER TABLE rooms ADD COLUMN succession TEXT;";

/**
 * A room's line in the archive is written anew where somebody goes, too, and with its log only now and then: in a room of
 * hundreds it is long, and its log goes on with whatever anybody does.
 */
const quietRoomLines = `
CREATE TRIGGER archiveRoomPeopleGone AFTER DELETE ON roomPeople BEGIN
  INSERT OR IGNORE INTO archiveDirty VALUES ('room', old.room);
END;
CREATE TRIGGER archiveRoomLogMoved AFTER UPDATE OF hub, term, position ON roomLogs
  WHEN old.hub IS NOT new.hub OR old.term IS NOT new.term OR old.position / 64 IS NOT new.position / 64 BEGIN
  INSERT OR IGNORE INTO archiveDirty VALUES ('room', new.room);
END;
`;

/**
 * A group's long records (tree and context of each epoch) lie here once, however many states have them: the present one,
 * former ones to go back to, and the one after a Commit of ours. What no record names any more goes with its last.
 */
const groupValues = `
CREATE TABLE groupValues (id INTEGER PRIMARY KEY, room TEXT NOT NULL, bytes INTEGER NOT NULL, value BLOB NOT NULL) STRICT;
CREATE INDEX groupValuesOfRoom ON groupValues (room, bytes);
${["groupRecords", "pendingRecords", "roomSnapshotRecords", "lostBranchRecords"]
  .map((table) => {
    return `
ALTER TABLE ${table} ADD COLUMN long INTEGER;
CREATE INDEX ${table}Long ON ${table} (long) WHERE long IS NOT NULL;`;
  })
  .join("")}
${["groupRecords", "pendingRecords", "roomSnapshotRecords", "lostBranchRecords"]
  .map((table) => {
    return `
CREATE TRIGGER ${table}Gone AFTER DELETE ON ${table} WHEN old.long IS NOT NULL BEGIN
  DELETE FROM groupValues WHERE id = old.long
    AND NOT EXISTS (SELECT 1 FROM groupRecords WHERE long = old.long)
    AND NOT EXISTS (SELECT 1 FROM pendingRecords WHERE long = old.long)
    AND NOT EXISTS (SELECT 1 FROM roomSnapshotRecords WHERE long = old.long)
    AND NOT EXISTS (SELECT 1 FROM lostBranchRecords WHERE long = old.long);
END;`;
  })
  .join("")}
`;

/**
 * Asks to come into a room that were refused for now are sent again: by which proof, how often they were, and how each of
 * those asked has it. Of those refused before this was kept, whoever asks by the link once more sends again.
 */
const asksAgain = `
ALTER TABLE roomAsks ADD COLUMN proof BLOB;
ALTER TABLE roomAsks ADD COLUMN sentAgain INTEGER NOT NULL DEFAULT 0;
ALTER TABLE roomAsked ADD COLUMN outcome TEXT;
UPDATE roomAsked SET outcome = 'later' WHERE ask IN (
  SELECT id FROM roomAsks WHERE direction = 'outgoing' AND state = 'pending' AND json_extract(cause, '$.retry') = 'later'
    AND id NOT IN (SELECT subject FROM outgoing));
`;

const migrations = [
  ...[first, custody, ways, groupRecords, linksBack, outgoingLanes, roomsOfMany],
  keyPackageSuites,
  verification,
  historyOfBefore,
  pairsWithLogs,
  missingMessages,
  expiring,
  archive,
  roomAsking,
  roomListings,
  branches,
  sharedRecords,
  roomRevocations,
  entering,
  roomSuccession,
  quietRoomLines,
  groupValues,
  asksAgain,
];
