-- SPDX-License-Identifier: MIT
-- Signing in. Secrets that a browser or a person holds are kept as SHA-256:
-- they are random, so whoever reads the store cannot use them. The TOTP secret
-- alone is here as it is, for a code cannot be checked without it.

CREATE TABLE sessions (
  id INTEGER PRIMARY KEY AUTOINCREMENT,    -- named by people to end one
  hash CHAR(64) NOT NULL UNIQUE,           -- SHA-256 of the cookie's token
  user_id BIGINT NOT NULL REFERENCES users (id),
  created_at BIGINT NOT NULL,
  seen_at BIGINT NOT NULL,                 -- last used, to the minute
  ends_at BIGINT NOT NULL,                 -- whatever its use
  ip_address VARCHAR(45) NOT NULL,
  user_agent VARCHAR(512) NOT NULL
);
CREATE INDEX sessions_user ON sessions (user_id, id);

-- Where a user has signed in from: strangers' failures never bar these.
CREATE TABLE signin_addresses (
  user_id BIGINT NOT NULL REFERENCES users (id),
  ip_address VARCHAR(45) NOT NULL,         -- IPv6: its /64
  seen_at BIGINT NOT NULL,
  PRIMARY KEY (user_id, ip_address)
) WITHOUT ROWID;

CREATE TABLE totp (
  user_id BIGINT NOT NULL PRIMARY KEY REFERENCES users (id),
  secret VARCHAR(64),                      -- base32; NULL: not switched on
  enrolled_at BIGINT,
  last_step BIGINT NOT NULL DEFAULT 0,     -- time step of the last good code
  pending_secret VARCHAR(64),              -- shown, no code given yet
  pending_at BIGINT
);

CREATE TABLE recovery_codes (
  user_id BIGINT NOT NULL REFERENCES users (id),
  hash CHAR(64) NOT NULL,                  -- SHA-256 of the code
  used_at BIGINT,
  PRIMARY KEY (user_id, hash)
) WITHOUT ROWID;
