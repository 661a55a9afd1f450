-- SPDX-License-Identifier: MIT
-- Times are microseconds since the epoch, UTC. Public ids are UUIDs; joins use
-- the integer key (36-character keys in three indexes doubled the drain's cost).

CREATE TABLE settings (
  name VARCHAR(64) NOT NULL PRIMARY KEY,
  value TEXT NOT NULL
) WITHOUT ROWID;

CREATE TABLE users (
  id INTEGER PRIMARY KEY AUTOINCREMENT,    -- on mails: never given twice
  name VARCHAR(64) NOT NULL UNIQUE,
  password VARCHAR(128) NOT NULL,          -- bcrypt, as htpasswd -B writes it
  role VARCHAR(16) NOT NULL CHECK (role IN ('admin', 'user')),
  created_at BIGINT NOT NULL
);

CREATE TABLE api_keys (
  id INTEGER PRIMARY KEY,
  prefix CHAR(8) NOT NULL UNIQUE,          -- public part: finds the row
  hash CHAR(64) NOT NULL,                  -- SHA-256 of the whole key
  name VARCHAR(64) NOT NULL,
  scope VARCHAR(16) NOT NULL CHECK (scope IN ('track', 'admin')),
  user_id BIGINT REFERENCES users (id),
  created_at BIGINT NOT NULL,
  last_used_at BIGINT,
  revoked_at BIGINT
);

-- A mail and its counters, so that no read has to scan its history.
CREATE TABLE tracked_emails (
  id INTEGER PRIMARY KEY,
  public_id CHAR(36) NOT NULL UNIQUE,
  created_at BIGINT NOT NULL,
  updated_at BIGINT NOT NULL,
  created_by BIGINT,                       -- users.id, where one is known
  recipient TEXT NOT NULL,                 -- as people read it
  subject TEXT NOT NULL,
  notes TEXT NOT NULL,
  message_group_id VARCHAR(255),
  pinned SMALLINT NOT NULL DEFAULT 0,
  idempotency_key VARCHAR(300) UNIQUE,     -- actor and its key: replay
  request_hash CHAR(64),                   -- what that key stood for
  open_count BIGINT NOT NULL DEFAULT 0,    -- every hit
  real_open_count BIGINT NOT NULL DEFAULT 0,
  possible_count BIGINT NOT NULL DEFAULT 0,
  first_open_at BIGINT,                    -- of those that count
  last_open_at BIGINT,
  last_hit_at BIGINT,                      -- of any
  seen SMALLINT NOT NULL DEFAULT 0,        -- 0 none, 1 cannot tell, 2 opened
  told SMALLINT NOT NULL DEFAULT 0         -- bits: first open, hot, revived
);
CREATE INDEX tracked_emails_created ON tracked_emails (created_at, id);
CREATE INDEX tracked_emails_seen ON tracked_emails (seen, created_at, id);
CREATE INDEX tracked_emails_updated ON tracked_emails (updated_at, id);
CREATE INDEX tracked_emails_group
  ON tracked_emails (message_group_id, created_at, id)
  WHERE message_group_id IS NOT NULL;
CREATE INDEX tracked_emails_user ON tracked_emails (created_by, created_at, id)
  WHERE created_by IS NOT NULL;
CREATE INDEX tracked_emails_pinned ON tracked_emails (created_at, id)
  WHERE pinned = 1;

CREATE TABLE recipients (
  id INTEGER PRIMARY KEY,
  address VARCHAR(320) NOT NULL UNIQUE,    -- lower-cased: one person, one row
  name VARCHAR(255) NOT NULL,
  domain VARCHAR(255) NOT NULL,
  mails BIGINT NOT NULL DEFAULT 0,
  mails_opened BIGINT NOT NULL DEFAULT 0,
  mails_possible BIGINT NOT NULL DEFAULT 0,
  rate BIGINT NOT NULL DEFAULT -1,         -- opened per mille, -1 cannot tell
  last_mail_at BIGINT NOT NULL,
  last_open_at BIGINT
);
CREATE INDEX recipients_mails ON recipients (mails, id);
CREATE INDEX recipients_opened ON recipients (mails_opened, id);
CREATE INDEX recipients_rate ON recipients (rate, id);
CREATE INDEX recipients_last_mail ON recipients (last_mail_at, id);
CREATE INDEX recipients_last_open ON recipients (last_open_at, id);

CREATE TABLE email_recipients (
  recipient_id BIGINT NOT NULL REFERENCES recipients (id),
  track_id BIGINT NOT NULL REFERENCES tracked_emails (id),
  position SMALLINT NOT NULL,
  name VARCHAR(255) NOT NULL,              -- display name in this mail
  PRIMARY KEY (recipient_id, track_id)
) WITHOUT ROWID;
CREATE INDEX email_recipients_track ON email_recipients (track_id, position);

-- Search: word (folded) to track; prefixes are ranges of this index.
CREATE TABLE search_words (
  track_id BIGINT NOT NULL REFERENCES tracked_emails (id),
  word VARCHAR(64) NOT NULL,
  PRIMARY KEY (track_id, word)
) WITHOUT ROWID;
CREATE INDEX search_words_word ON search_words (word, track_id);

-- Every hit, with its verdict, the rule that gave it, and the facts the rules
-- read, so that history can be judged anew.
CREATE TABLE opens (
  id INTEGER PRIMARY KEY,
  track_id BIGINT NOT NULL REFERENCES tracked_emails (id),
  opened_at BIGINT NOT NULL,
  recorded_at BIGINT NOT NULL,             -- when the store got it
  method VARCHAR(16) NOT NULL,
  ip_address VARCHAR(45),
  user_agent VARCHAR(1024),
  referer VARCHAR(1024),
  headers VARCHAR(2048),                   -- name=value&..., percent-encoded
  networks VARCHAR(1024),                  -- names, where the address is cut
  country VARCHAR(64),
  city VARCHAR(128),
  verdict SMALLINT NOT NULL,               -- classify.h, verdict_e
  counts SMALLINT NOT NULL,                -- 0 none, 1 possible, 2 open
  rule VARCHAR(64) NOT NULL,
  vendor VARCHAR(64) NOT NULL,
  context SMALLINT NOT NULL,               -- classify.h, CLASSIFY_*
  rules_version BIGINT NOT NULL
);
CREATE INDEX opens_track ON opens (track_id, opened_at);
CREATE INDEX opens_recorded ON opens (recorded_at, id);

-- Charts read these. width is in seconds: a range is put together from few
-- coarse buckets and fine ones at its edges. mails* stand in the bucket in
-- which the mail was made, the rest in that of the hit. node: sums of each
-- httpd node, added when read, so that nodes never fight for a row.
CREATE TABLE open_rollups (
  width BIGINT NOT NULL,                   -- seconds; see rollups.h
  bucket BIGINT NOT NULL,                  -- start, microseconds
  node VARCHAR(36) NOT NULL,
  mails BIGINT NOT NULL DEFAULT 0,
  mails_opened BIGINT NOT NULL DEFAULT 0,
  mails_possible BIGINT NOT NULL DEFAULT 0,
  opens BIGINT NOT NULL DEFAULT 0,         -- hits that count
  possible BIGINT NOT NULL DEFAULT 0,
  human BIGINT NOT NULL DEFAULT 0,         -- all hits by verdict
  proxied BIGINT NOT NULL DEFAULT 0,
  prefetch BIGINT NOT NULL DEFAULT 0,
  scanner BIGINT NOT NULL DEFAULT 0,
  bot BIGINT NOT NULL DEFAULT 0,
  self BIGINT NOT NULL DEFAULT 0,
  PRIMARY KEY (width, bucket, node)
) WITHOUT ROWID;

-- Opens that count, by place; city '' is the whole country.
CREATE TABLE place_rollups (
  width BIGINT NOT NULL,
  bucket BIGINT NOT NULL,
  country VARCHAR(64) NOT NULL,
  city VARCHAR(128) NOT NULL,
  node VARCHAR(36) NOT NULL,
  opens BIGINT NOT NULL DEFAULT 0,
  PRIMARY KEY (width, bucket, country, city, node)
) WITHOUT ROWID;

-- What somebody must be told, written in the transaction that made it true.
CREATE TABLE outbox (
  id INTEGER PRIMARY KEY,
  dedupe_key VARCHAR(128) NOT NULL UNIQUE,
  event VARCHAR(32) NOT NULL,              -- first_open, hot, revived
  track_id BIGINT REFERENCES tracked_emails (id),
  open_id BIGINT,
  created_at BIGINT NOT NULL,
  expires_at BIGINT NOT NULL
);
CREATE INDEX outbox_track ON outbox (track_id);

-- How far each spool segment is stored, moved in the same transaction.
CREATE TABLE spool_offsets (
  segment VARCHAR(96) NOT NULL PRIMARY KEY,  -- NODE:UUID.seg
  pos BIGINT NOT NULL,
  updated_at BIGINT NOT NULL
) WITHOUT ROWID;
