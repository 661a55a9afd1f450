-- SPDX-License-Identifier: MIT
-- What a user wants to be told, how, and when not. Whoever has no row has the
-- defaults; whoever delivers reads these.

CREATE TABLE notification_prefs (
  user_id BIGINT NOT NULL REFERENCES users (id) ON DELETE CASCADE,
  event VARCHAR(32) NOT NULL,              -- first_open, hot, revived, ...
  channel VARCHAR(16) NOT NULL,            -- email, discord, webhook, ntfy
  enabled SMALLINT NOT NULL,
  PRIMARY KEY (user_id, event, channel)
) WITHOUT ROWID;

CREATE TABLE notification_quiet (
  user_id BIGINT NOT NULL PRIMARY KEY REFERENCES users (id) ON DELETE CASCADE,
  from_minute SMALLINT NOT NULL,           -- of the local day
  to_minute SMALLINT NOT NULL,             -- exclusive; before from: next day
  tz VARCHAR(64) NOT NULL
) WITHOUT ROWID;
