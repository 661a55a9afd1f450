-- SPDX-License-Identifier: MIT
-- The schema of versions 1 to 8, as the SQLite migrations of the same numbers
-- make it. Times are microseconds since the epoch, UTC. Text compares by its
-- bytes, blanks at its end included. Where SQLite's indexes are partial these
-- are whole.

CREATE TABLE settings (
  name VARCHAR(64) NOT NULL PRIMARY KEY,
  value TEXT NOT NULL
) ENGINE=InnoDB DEFAULT CHARACTER SET utf8mb4
  COLLATE utf8mb4_nopad_bin;

CREATE TABLE users (
  -- on mails: never given twice
  id BIGINT NOT NULL AUTO_INCREMENT PRIMARY KEY,
  name VARCHAR(64) NOT NULL UNIQUE,
  password VARCHAR(128) NOT NULL,          -- bcrypt, as htpasswd -B writes it
  role VARCHAR(16) NOT NULL CHECK (role IN ('admin', 'user')),
  created_at BIGINT NOT NULL
) ENGINE=InnoDB DEFAULT CHARACTER SET utf8mb4
  COLLATE utf8mb4_nopad_bin;

CREATE TABLE api_keys (
  id BIGINT NOT NULL AUTO_INCREMENT PRIMARY KEY,
  prefix CHAR(8) NOT NULL UNIQUE,          -- public part: finds the row
  hash CHAR(64) NOT NULL,                  -- SHA-256 of the whole key
  name VARCHAR(64) NOT NULL,
  scope VARCHAR(16) NOT NULL CHECK (scope IN ('track', 'admin')),
  user_id BIGINT REFERENCES users (id),
  created_at BIGINT NOT NULL,
  last_used_at BIGINT,
  revoked_at BIGINT
) ENGINE=InnoDB DEFAULT CHARACTER SET utf8mb4
  COLLATE utf8mb4_nopad_bin;

-- A mail and its counters, so that no read has to scan its history.
CREATE TABLE tracked_emails (
  id BIGINT NOT NULL AUTO_INCREMENT PRIMARY KEY,
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
  told SMALLINT NOT NULL DEFAULT 0,         -- bits: first open, hot, revived
  self_count BIGINT NOT NULL DEFAULT 0,
  reached VARCHAR(64) NOT NULL DEFAULT '',
  last_country VARCHAR(64),
  last_city VARCHAR(128),
  muted SMALLINT NOT NULL DEFAULT 0,
  followed_up_at BIGINT
) ENGINE=InnoDB DEFAULT CHARACTER SET utf8mb4
  COLLATE utf8mb4_nopad_bin;
CREATE INDEX tracked_emails_created ON tracked_emails (created_at, id);
CREATE INDEX tracked_emails_seen ON tracked_emails (seen, created_at, id);
CREATE INDEX tracked_emails_updated ON tracked_emails (updated_at, id);
CREATE INDEX tracked_emails_group
  ON tracked_emails (message_group_id, created_at, id);
CREATE INDEX tracked_emails_user ON tracked_emails (created_by, created_at, id);
CREATE INDEX tracked_emails_pinned ON tracked_emails (pinned, created_at, id);
CREATE INDEX tracked_emails_follow
  ON tracked_emails (seen, followed_up_at, created_at, id);

CREATE TABLE recipients (
  id BIGINT NOT NULL AUTO_INCREMENT PRIMARY KEY,
  address VARCHAR(320) NOT NULL UNIQUE,    -- lower-cased: one person, one row
  name VARCHAR(255) NOT NULL,
  domain VARCHAR(255) NOT NULL,
  mails BIGINT NOT NULL DEFAULT 0,
  mails_opened BIGINT NOT NULL DEFAULT 0,
  mails_possible BIGINT NOT NULL DEFAULT 0,
  rate BIGINT NOT NULL DEFAULT -1,         -- opened per mille, -1 cannot tell
  last_mail_at BIGINT NOT NULL,
  last_open_at BIGINT,
  muted SMALLINT NOT NULL DEFAULT 0,
  recent BIGINT NOT NULL DEFAULT 0,
  recent_opened BIGINT NOT NULL DEFAULT 0,
  score_base BIGINT NOT NULL DEFAULT -1,
  score_key BIGINT NOT NULL DEFAULT -1
) ENGINE=InnoDB DEFAULT CHARACTER SET utf8mb4
  COLLATE utf8mb4_nopad_bin;
CREATE INDEX recipients_mails ON recipients (mails, id);
CREATE INDEX recipients_opened ON recipients (mails_opened, id);
CREATE INDEX recipients_rate ON recipients (rate, id);
CREATE INDEX recipients_last_mail ON recipients (last_mail_at, id);
CREATE INDEX recipients_last_open ON recipients (last_open_at, id);
CREATE INDEX recipients_score ON recipients (score_base, id, score_key);
CREATE INDEX recipients_score_key ON recipients (score_key, id, score_base);

CREATE TABLE email_recipients (
  recipient_id BIGINT NOT NULL REFERENCES recipients (id),
  track_id BIGINT NOT NULL REFERENCES tracked_emails (id),
  position SMALLINT NOT NULL,
  name VARCHAR(255) NOT NULL,              -- display name in this mail
  PRIMARY KEY (recipient_id, track_id)
) ENGINE=InnoDB DEFAULT CHARACTER SET utf8mb4
  COLLATE utf8mb4_nopad_bin;
CREATE INDEX email_recipients_track ON email_recipients (track_id, position);

-- Search: word (folded) to track; prefixes are ranges of this index.
CREATE TABLE search_words (
  track_id BIGINT NOT NULL REFERENCES tracked_emails (id),
  word VARCHAR(64) NOT NULL,
  PRIMARY KEY (track_id, word)
) ENGINE=InnoDB DEFAULT CHARACTER SET utf8mb4
  COLLATE utf8mb4_nopad_bin;
CREATE INDEX search_words_word ON search_words (word, track_id);

-- Every hit, with its verdict, the rule that gave it, and the facts the rules
-- read, so that history can be judged anew.
CREATE TABLE opens (
  id BIGINT NOT NULL AUTO_INCREMENT PRIMARY KEY,
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
) ENGINE=InnoDB DEFAULT CHARACTER SET utf8mb4
  COLLATE utf8mb4_nopad_bin;
CREATE INDEX opens_track ON opens (track_id, opened_at);
CREATE INDEX opens_recorded ON opens (recorded_at, id);
CREATE INDEX opens_place ON opens (counts, opened_at);

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
  first_1m BIGINT NOT NULL DEFAULT 0,
  first_5m BIGINT NOT NULL DEFAULT 0,
  first_15m BIGINT NOT NULL DEFAULT 0,
  first_1h BIGINT NOT NULL DEFAULT 0,
  first_4h BIGINT NOT NULL DEFAULT 0,
  first_1d BIGINT NOT NULL DEFAULT 0,
  first_3d BIGINT NOT NULL DEFAULT 0,
  first_7d BIGINT NOT NULL DEFAULT 0,
  first_later BIGINT NOT NULL DEFAULT 0,
  PRIMARY KEY (width, bucket, node)
) ENGINE=InnoDB DEFAULT CHARACTER SET utf8mb4
  COLLATE utf8mb4_nopad_bin;

-- Opens that count, by place; city '' is the whole country.
CREATE TABLE place_rollups (
  width BIGINT NOT NULL,
  bucket BIGINT NOT NULL,
  country VARCHAR(64) NOT NULL,
  city VARCHAR(128) NOT NULL,
  node VARCHAR(36) NOT NULL,
  opens BIGINT NOT NULL DEFAULT 0,
  PRIMARY KEY (width, bucket, country, city, node)
) ENGINE=InnoDB DEFAULT CHARACTER SET utf8mb4
  COLLATE utf8mb4_nopad_bin;

-- How far each spool segment is stored, moved in the same transaction.
CREATE TABLE spool_offsets (
  segment VARCHAR(96) NOT NULL PRIMARY KEY,  -- NODE:UUID.seg
  pos BIGINT NOT NULL,
  updated_at BIGINT NOT NULL
) ENGINE=InnoDB DEFAULT CHARACTER SET utf8mb4
  COLLATE utf8mb4_nopad_bin;

CREATE TABLE sessions (
  -- named by people to end one
  id BIGINT NOT NULL AUTO_INCREMENT PRIMARY KEY,
  hash CHAR(64) NOT NULL UNIQUE,           -- SHA-256 of the cookie's token
  user_id BIGINT NOT NULL REFERENCES users (id),
  created_at BIGINT NOT NULL,
  seen_at BIGINT NOT NULL,                 -- last used, to the minute
  ends_at BIGINT NOT NULL,                 -- whatever its use
  ip_address VARCHAR(45) NOT NULL,
  user_agent VARCHAR(512) NOT NULL
) ENGINE=InnoDB DEFAULT CHARACTER SET utf8mb4
  COLLATE utf8mb4_nopad_bin;
CREATE INDEX sessions_user ON sessions (user_id, id);

-- Where a user has signed in from: strangers' failures never bar these.
CREATE TABLE signin_addresses (
  user_id BIGINT NOT NULL REFERENCES users (id),
  ip_address VARCHAR(45) NOT NULL,         -- IPv6: its /64
  seen_at BIGINT NOT NULL,
  PRIMARY KEY (user_id, ip_address)
) ENGINE=InnoDB DEFAULT CHARACTER SET utf8mb4
  COLLATE utf8mb4_nopad_bin;

CREATE TABLE totp (
  user_id BIGINT NOT NULL PRIMARY KEY REFERENCES users (id),
  secret VARCHAR(64),                      -- base32; NULL: not switched on
  enrolled_at BIGINT,
  last_step BIGINT NOT NULL DEFAULT 0,     -- time step of the last good code
  pending_secret VARCHAR(64),              -- shown, no code given yet
  pending_at BIGINT
) ENGINE=InnoDB DEFAULT CHARACTER SET utf8mb4
  COLLATE utf8mb4_nopad_bin;

CREATE TABLE recovery_codes (
  user_id BIGINT NOT NULL REFERENCES users (id),
  hash CHAR(64) NOT NULL,                  -- SHA-256 of the code
  used_at BIGINT,
  PRIMARY KEY (user_id, hash)
) ENGINE=InnoDB DEFAULT CHARACTER SET utf8mb4
  COLLATE utf8mb4_nopad_bin;

CREATE TABLE notification_prefs (
  user_id BIGINT NOT NULL REFERENCES users (id) ON DELETE CASCADE,
  event VARCHAR(32) NOT NULL,              -- first_open, hot, revived, ...
  channel VARCHAR(16) NOT NULL,            -- email, discord, webhook, ntfy
  enabled SMALLINT NOT NULL,
  PRIMARY KEY (user_id, event, channel)
) ENGINE=InnoDB DEFAULT CHARACTER SET utf8mb4
  COLLATE utf8mb4_nopad_bin;

CREATE TABLE notification_quiet (
  user_id BIGINT NOT NULL PRIMARY KEY REFERENCES users (id) ON DELETE CASCADE,
  from_minute SMALLINT NOT NULL,           -- of the local day
  to_minute SMALLINT NOT NULL,             -- exclusive; before from: next day
  tz VARCHAR(64) NOT NULL
) ENGINE=InnoDB DEFAULT CHARACTER SET utf8mb4
  COLLATE utf8mb4_nopad_bin;

-- Published by mailprobe from its configuration, for the dashboard's forms.
CREATE TABLE accounts (
  name VARCHAR(64) NOT NULL PRIMARY KEY,
  sender VARCHAR(320) NOT NULL,            -- envelope sender; '' : cannot send
  smtp VARCHAR(320) NOT NULL,              -- "smtps://host:465", or ''
  imap VARCHAR(320) NOT NULL,              -- "imaps://host:993", or ''
  smtp_user VARCHAR(320) NOT NULL,
  imap_user VARCHAR(320) NOT NULL,
  state VARCHAR(16) NOT NULL,              -- imap: unknown, up, blind
  detail TEXT NOT NULL,                    -- why it is blind
  since BIGINT NOT NULL,                   -- of the state
  updated_at BIGINT NOT NULL,
  present SMALLINT NOT NULL                -- 0: no longer configured
) ENGINE=InnoDB DEFAULT CHARACTER SET utf8mb4
  COLLATE utf8mb4_nopad_bin;

CREATE TABLE monitors (
  id BIGINT NOT NULL AUTO_INCREMENT PRIMARY KEY,
  public_id CHAR(36) NOT NULL UNIQUE,
  name VARCHAR(128) NOT NULL UNIQUE,
  recipient VARCHAR(320) NOT NULL,
  domain VARCHAR(255) NOT NULL,            -- of recipient, lower-cased
  send_account VARCHAR(64) NOT NULL,
  watch_account VARCHAR(64) NOT NULL,
  interval_us BIGINT NOT NULL,
  retry_us BIGINT NOT NULL,                -- interval while failing
  late_us BIGINT NOT NULL,                 -- later than this is late; 0: never
  missing_us BIGINT NOT NULL,
  failures_needed SMALLINT NOT NULL,       -- before an alert
  successes_needed SMALLINT NOT NULL,      -- before recovery
  alert_on VARCHAR(255) NOT NULL,          -- outcomes, separated by commas
  keep_mail SMALLINT NOT NULL,             -- 1: the probe stays in its mailbox
  enabled SMALLINT NOT NULL,
  declared SMALLINT NOT NULL,              -- 1: by mailprobe.yaml, not edited
  muted_until BIGINT,                      -- nobody is told before
  probe_asked_at BIGINT,                   -- "probe now"
  created_at BIGINT NOT NULL,
  updated_at BIGINT NOT NULL,              -- of what people set
  -- below: what mailprobe knows of it; written by it alone
  state VARCHAR(16) NOT NULL DEFAULT 'new',
  state_since BIGINT NOT NULL DEFAULT 0,
  detail TEXT NOT NULL DEFAULT '',         -- the state in a sentence
  failures BIGINT NOT NULL DEFAULT 0,      -- in a row
  successes BIGINT NOT NULL DEFAULT 0,     -- in a row, while alarmed
  alarmed SMALLINT NOT NULL DEFAULT 0,
  decided_to BIGINT NOT NULL DEFAULT 0,    -- newest decided probe's due_at
  failed_to BIGINT NOT NULL DEFAULT 0,     -- newest failed probe's due_at
  next_at BIGINT NOT NULL DEFAULT 0,       -- when the next probe is due
  last_probe_at BIGINT,
  last_ok_at BIGINT,                       -- newest arrival in the inbox
  last_latency_us BIGINT,
  usual_us BIGINT,                         -- its own usual latency
  auth_state VARCHAR(16) NOT NULL DEFAULT '', -- pass, fail or '' not known
  cert_until BIGINT                        -- end of the SMTP certificate
) ENGINE=InnoDB DEFAULT CHARACTER SET utf8mb4
  COLLATE utf8mb4_nopad_bin;
CREATE INDEX monitors_domain ON monitors (domain);
CREATE INDEX monitors_asked ON monitors (id);

-- A channel a monitor does not tell. No row: it does.
CREATE TABLE monitor_channels (
  monitor_id BIGINT NOT NULL REFERENCES monitors (id) ON DELETE CASCADE,
  channel VARCHAR(64) NOT NULL,
  enabled SMALLINT NOT NULL,
  PRIMARY KEY (monitor_id, channel)
) ENGINE=InnoDB DEFAULT CHARACTER SET utf8mb4
  COLLATE utf8mb4_nopad_bin;

-- Once (starts_at, ends_at), or weekly: weekdays is a mask, 1 is Monday.
CREATE TABLE maintenance_windows (
  id BIGINT NOT NULL AUTO_INCREMENT PRIMARY KEY,
  monitor_id BIGINT REFERENCES monitors (id) ON DELETE CASCADE, -- NULL: all
  note VARCHAR(255) NOT NULL,
  starts_at BIGINT,
  ends_at BIGINT,
  weekdays SMALLINT NOT NULL DEFAULT 0,
  from_minute SMALLINT NOT NULL DEFAULT 0, -- of the local day
  to_minute SMALLINT NOT NULL DEFAULT 0,   -- exclusive; <= from: next day
  tz VARCHAR(64) NOT NULL DEFAULT 'UTC',
  created_at BIGINT NOT NULL
) ENGINE=InnoDB DEFAULT CHARACTER SET utf8mb4
  COLLATE utf8mb4_nopad_bin;
CREATE INDEX maintenance_windows_monitor ON maintenance_windows (monitor_id);

-- A row is written before its mail is sent.
CREATE TABLE probes (
  id BIGINT NOT NULL AUTO_INCREMENT PRIMARY KEY,
  monitor_id BIGINT NOT NULL REFERENCES monitors (id) ON DELETE CASCADE,
  token CHAR(32) NOT NULL UNIQUE,          -- in header and subject
  due_at BIGINT NOT NULL,                  -- its place in the order
  outcome VARCHAR(16) NOT NULL,            -- sending, sent, or how it ended
  detail TEXT NOT NULL DEFAULT '',
  started_at BIGINT,                       -- connect began
  sent_at BIGINT,                          -- the server's final 250
  seen_at BIGINT,                          -- the mailbox told us
  decided_at BIGINT,
  latency_us BIGINT,                       -- seen_at - sent_at
  resolution_us BIGINT,                    -- how exact that is
  blind_us BIGINT NOT NULL DEFAULT 0,      -- of its life we could not see
  folder VARCHAR(255),
  delivered_at BIGINT,                     -- INTERNALDATE, to the second
  send_state VARCHAR(16) NOT NULL DEFAULT '', -- smtp.h, or ''
  send_phase VARCHAR(16) NOT NULL DEFAULT '', -- where it ended: RCPT ...
  send_code BIGINT,
  send_reply TEXT,                         -- the server's words
  queue_id VARCHAR(128),
  tls VARCHAR(128),                        -- version and cipher
  cert_until BIGINT,
  phases TEXT,                             -- JSON [{"name","us"}]
  hops TEXT,                               -- JSON, headers.h
  auth TEXT,                               -- JSON, headers.h
  spam TEXT,                               -- JSON {"header": "value"}
  bounce TEXT,                             -- JSON, dsn.h
  UNIQUE (monitor_id, due_at)
) ENGINE=InnoDB DEFAULT CHARACTER SET utf8mb4
  COLLATE utf8mb4_nopad_bin;
CREATE INDEX probes_open ON probes (monitor_id, decided_at);
CREATE INDEX probes_due ON probes (due_at);
CREATE INDEX probes_outcome ON probes (monitor_id, outcome, due_at);

-- What survives retention. width in seconds; width 0, bucket 0 is all time
-- (metrics). latency counts stand in the columns le_*, see probes.h.
CREATE TABLE probe_rollups (
  monitor_id BIGINT NOT NULL REFERENCES monitors (id) ON DELETE CASCADE,
  width BIGINT NOT NULL,
  bucket BIGINT NOT NULL,
  ok BIGINT NOT NULL DEFAULT 0,
  slow BIGINT NOT NULL DEFAULT 0,
  late BIGINT NOT NULL DEFAULT 0,
  missing BIGINT NOT NULL DEFAULT 0,
  spam BIGINT NOT NULL DEFAULT 0,
  bounced BIGINT NOT NULL DEFAULT 0,
  send_failed BIGINT NOT NULL DEFAULT 0,
  blind BIGINT NOT NULL DEFAULT 0,
  latency_us BIGINT NOT NULL DEFAULT 0,    -- sum
  le_100ms BIGINT NOT NULL DEFAULT 0,
  le_250ms BIGINT NOT NULL DEFAULT 0,
  le_500ms BIGINT NOT NULL DEFAULT 0,
  le_1s BIGINT NOT NULL DEFAULT 0,
  le_2500ms BIGINT NOT NULL DEFAULT 0,
  le_5s BIGINT NOT NULL DEFAULT 0,
  le_10s BIGINT NOT NULL DEFAULT 0,
  le_30s BIGINT NOT NULL DEFAULT 0,
  le_1m BIGINT NOT NULL DEFAULT 0,
  le_2m BIGINT NOT NULL DEFAULT 0,
  le_5m BIGINT NOT NULL DEFAULT 0,
  le_10m BIGINT NOT NULL DEFAULT 0,
  le_30m BIGINT NOT NULL DEFAULT 0,
  le_inf BIGINT NOT NULL DEFAULT 0,
  PRIMARY KEY (monitor_id, width, bucket)
) ENGINE=InnoDB DEFAULT CHARACTER SET utf8mb4
  COLLATE utf8mb4_nopad_bin;

-- Every change of state: uptime, and what a route was like when a mail left.
CREATE TABLE monitor_states (
  monitor_id BIGINT NOT NULL REFERENCES monitors (id) ON DELETE CASCADE,
  since BIGINT NOT NULL,
  state VARCHAR(16) NOT NULL,
  detail TEXT NOT NULL,
  PRIMARY KEY (monitor_id, since)
) ENGINE=InnoDB DEFAULT CHARACTER SET utf8mb4
  COLLATE utf8mb4_nopad_bin;

-- What is wrong, told once however many monitors it hits.
CREATE TABLE incidents (
  id BIGINT NOT NULL AUTO_INCREMENT PRIMARY KEY,
  public_id CHAR(36) NOT NULL UNIQUE,
  kind VARCHAR(16) NOT NULL,               -- delivery, auth, certificate, house
  subject VARCHAR(128) NOT NULL,           -- house: which part; else ''
  title TEXT NOT NULL,
  detail TEXT NOT NULL,
  opened_at BIGINT NOT NULL,
  closed_at BIGINT,
  acked_at BIGINT,
  acked_by VARCHAR(64),
  muted SMALLINT NOT NULL DEFAULT 0,
  told BIGINT NOT NULL DEFAULT 0,          -- messages put into the outbox
  repeats BIGINT NOT NULL DEFAULT 0,       -- of these
  repeat_at BIGINT,                        -- next one, NULL: none
  updated_at BIGINT NOT NULL
) ENGINE=InnoDB DEFAULT CHARACTER SET utf8mb4
  COLLATE utf8mb4_nopad_bin;
CREATE INDEX incidents_open ON incidents (closed_at, id);

-- What somebody must be told, written in the transaction that made it true.
CREATE TABLE outbox (
  id BIGINT NOT NULL AUTO_INCREMENT PRIMARY KEY,
  dedupe_key VARCHAR(128) NOT NULL UNIQUE,
  event VARCHAR(32) NOT NULL,              -- first_open, hot, revived
  track_id BIGINT REFERENCES tracked_emails (id),
  open_id BIGINT,
  created_at BIGINT NOT NULL,
  expires_at BIGINT NOT NULL,
  incident_id BIGINT REFERENCES incidents (id),
  channel VARCHAR(64),
  payload TEXT,
  not_before BIGINT NOT NULL DEFAULT 0,
  dispatched_at BIGINT
) ENGINE=InnoDB DEFAULT CHARACTER SET utf8mb4
  COLLATE utf8mb4_nopad_bin;
CREATE INDEX outbox_track ON outbox (track_id);
CREATE INDEX outbox_waiting ON outbox (dispatched_at, not_before, id);
CREATE INDEX outbox_done ON outbox (dispatched_at);
CREATE INDEX outbox_incident ON outbox (incident_id);

CREATE TABLE incident_monitors (
  incident_id BIGINT NOT NULL REFERENCES incidents (id) ON DELETE CASCADE,
  monitor_id BIGINT NOT NULL REFERENCES monitors (id) ON DELETE CASCADE,
  joined_at BIGINT NOT NULL,
  failing_since BIGINT NOT NULL,
  state VARCHAR(16) NOT NULL,
  detail TEXT NOT NULL,                    -- where the mail stopped
  last_hop VARCHAR(255) NOT NULL DEFAULT '',
  last_ok_at BIGINT,
  recovered_at BIGINT,
  quiet SMALLINT NOT NULL DEFAULT 0,       -- nobody was told of this one
  PRIMARY KEY (incident_id, monitor_id)
) ENGINE=InnoDB DEFAULT CHARACTER SET utf8mb4
  COLLATE utf8mb4_nopad_bin;
CREATE INDEX incident_monitors_failing ON incident_monitors (monitor_id);
CREATE INDEX incident_monitors_monitor ON incident_monitors (monitor_id);
CREATE INDEX incident_monitors_quiet ON incident_monitors (incident_id);

-- One row for each channel a message goes to: none waits for another.
CREATE TABLE outbox_deliveries (
  id BIGINT NOT NULL AUTO_INCREMENT PRIMARY KEY,
  outbox_id BIGINT NOT NULL REFERENCES outbox (id) ON DELETE CASCADE,
  channel VARCHAR(64) NOT NULL,
  state VARCHAR(16) NOT NULL,              -- pending, sent, failed, expired
  attempts BIGINT NOT NULL DEFAULT 0,
  next_at BIGINT NOT NULL,
  lease_owner CHAR(36),
  lease_until BIGINT,
  detail TEXT NOT NULL DEFAULT '',         -- the last error
  done_at BIGINT,
  UNIQUE (outbox_id, channel)
) ENGINE=InnoDB DEFAULT CHARACTER SET utf8mb4
  COLLATE utf8mb4_nopad_bin;
CREATE INDEX outbox_deliveries_due
  ON outbox_deliveries (state, channel, next_at);
CREATE INDEX outbox_deliveries_channel ON outbox_deliveries (channel, id);

CREATE TABLE channels (
  name VARCHAR(64) NOT NULL PRIMARY KEY,
  kind VARCHAR(16) NOT NULL,               -- email, discord, webhook, ntfy
  target VARCHAR(320) NOT NULL,            -- for people; no secret
  present SMALLINT NOT NULL,               -- configured and switched on
  since BIGINT NOT NULL,                   -- switched on: sees what comes after
  last_ok_at BIGINT,
  failing_since BIGINT,
  last_error TEXT NOT NULL DEFAULT '',
  last_error_at BIGINT,
  retry_at BIGINT,                         -- Retry-After holds for all of it
  updated_at BIGINT NOT NULL
) ENGINE=InnoDB DEFAULT CHARACTER SET utf8mb4
  COLLATE utf8mb4_nopad_bin;

-- Who does what, among several mailprobes; by the database's clock.
CREATE TABLE leases (
  name VARCHAR(128) NOT NULL PRIMARY KEY,
  owner CHAR(36) NOT NULL,
  until BIGINT NOT NULL
) ENGINE=InnoDB DEFAULT CHARACTER SET utf8mb4
  COLLATE utf8mb4_nopad_bin;
