-- SPDX-License-Identifier: MIT
-- What mailprobe watches, has seen, and must tell. Secrets are never here: they
-- are in mailprobe.yaml alone. States and outcomes are words, see monitors.h.

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
) WITHOUT ROWID;

CREATE TABLE monitors (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
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
);
CREATE INDEX monitors_domain ON monitors (domain);
CREATE INDEX monitors_asked ON monitors (id) WHERE probe_asked_at IS NOT NULL;

-- A channel a monitor does not tell. No row: it does.
CREATE TABLE monitor_channels (
  monitor_id BIGINT NOT NULL REFERENCES monitors (id) ON DELETE CASCADE,
  channel VARCHAR(64) NOT NULL,
  enabled SMALLINT NOT NULL,
  PRIMARY KEY (monitor_id, channel)
) WITHOUT ROWID;

-- Once (starts_at, ends_at), or weekly: weekdays is a mask, 1 is Monday.
CREATE TABLE maintenance_windows (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  monitor_id BIGINT REFERENCES monitors (id) ON DELETE CASCADE, -- NULL: all
  note VARCHAR(255) NOT NULL,
  starts_at BIGINT,
  ends_at BIGINT,
  weekdays SMALLINT NOT NULL DEFAULT 0,
  from_minute SMALLINT NOT NULL DEFAULT 0, -- of the local day
  to_minute SMALLINT NOT NULL DEFAULT 0,   -- exclusive; <= from: next day
  tz VARCHAR(64) NOT NULL DEFAULT 'UTC',
  created_at BIGINT NOT NULL
);
CREATE INDEX maintenance_windows_monitor ON maintenance_windows (monitor_id);

-- A row is written before its mail is sent.
CREATE TABLE probes (
  id INTEGER PRIMARY KEY,
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
);
CREATE INDEX probes_open ON probes (monitor_id) WHERE decided_at IS NULL;
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
) WITHOUT ROWID;

-- Every change of state: uptime, and what a route was like when a mail left.
CREATE TABLE monitor_states (
  monitor_id BIGINT NOT NULL REFERENCES monitors (id) ON DELETE CASCADE,
  since BIGINT NOT NULL,
  state VARCHAR(16) NOT NULL,
  detail TEXT NOT NULL,
  PRIMARY KEY (monitor_id, since)
) WITHOUT ROWID;

-- What is wrong, told once however many monitors it hits.
CREATE TABLE incidents (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
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
);
CREATE INDEX incidents_open ON incidents (id) WHERE closed_at IS NULL;

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
) WITHOUT ROWID;
CREATE INDEX incident_monitors_failing ON incident_monitors (monitor_id)
  WHERE recovered_at IS NULL;
CREATE INDEX incident_monitors_monitor ON incident_monitors (monitor_id);
CREATE INDEX incident_monitors_quiet ON incident_monitors (incident_id)
  WHERE quiet = 1 AND recovered_at IS NULL;

-- The outbox of 001, for more than opens. The old rows are opens of a time when
-- nobody delivered: they end as expired, told to nobody.
ALTER TABLE outbox ADD COLUMN incident_id BIGINT REFERENCES incidents (id);
ALTER TABLE outbox ADD COLUMN channel VARCHAR(64);  -- this one alone, or NULL
ALTER TABLE outbox ADD COLUMN payload TEXT;         -- JSON, by event
ALTER TABLE outbox ADD COLUMN not_before BIGINT NOT NULL DEFAULT 0;
ALTER TABLE outbox ADD COLUMN dispatched_at BIGINT; -- deliveries were made
UPDATE outbox SET dispatched_at = created_at;
CREATE INDEX outbox_waiting ON outbox (not_before, id)
  WHERE dispatched_at IS NULL;
CREATE INDEX outbox_done ON outbox (dispatched_at)
  WHERE dispatched_at IS NOT NULL;
CREATE INDEX outbox_incident ON outbox (incident_id)
  WHERE incident_id IS NOT NULL;

-- One row for each channel a message goes to: none waits for another.
CREATE TABLE outbox_deliveries (
  id INTEGER PRIMARY KEY,
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
);
CREATE INDEX outbox_deliveries_due ON outbox_deliveries (channel, next_at)
  WHERE state = 'pending';
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
) WITHOUT ROWID;

-- Who does what, among several mailprobes; by the database's clock.
CREATE TABLE leases (
  name VARCHAR(128) NOT NULL PRIMARY KEY,
  owner CHAR(36) NOT NULL,
  until BIGINT NOT NULL
) WITHOUT ROWID;

-- Follow-ups: unopened mails not yet asked about.
ALTER TABLE tracked_emails ADD COLUMN followed_up_at BIGINT;
CREATE INDEX tracked_emails_follow ON tracked_emails (seen, created_at, id)
  WHERE seen = 0 AND followed_up_at IS NULL;
