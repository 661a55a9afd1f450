-- SPDX-License-Identifier: MIT
-- What a list says of a mail in words, kept as the other counters are.

ALTER TABLE tracked_emails
  ADD COLUMN self_count BIGINT NOT NULL DEFAULT 0;    -- the sender's own hits
ALTER TABLE tracked_emails                 -- whose prefetch was seen: the
  ADD COLUMN reached VARCHAR(64) NOT NULL DEFAULT ''; -- first by name
ALTER TABLE tracked_emails ADD COLUMN last_country VARCHAR(64);
ALTER TABLE tracked_emails ADD COLUMN last_city VARCHAR(128);
ALTER TABLE tracked_emails                 -- its events tell nobody
  ADD COLUMN muted SMALLINT NOT NULL DEFAULT 0;
ALTER TABLE recipients ADD COLUMN muted SMALLINT NOT NULL DEFAULT 0;

-- Backfill. A proxy's place is not the reader's: the last place is of a hit of its own.
UPDATE tracked_emails SET
  self_count = (SELECT count(*) FROM opens o
    WHERE o.track_id = tracked_emails.id AND o.verdict = 5 AND o.counts = 0),
  reached = (SELECT coalesce(min(o.vendor), '') FROM opens o
    WHERE o.track_id = tracked_emails.id AND o.counts = 1 AND o.verdict = 2
      AND o.vendor <> ''),
  last_country = (SELECT o.country FROM opens o
    WHERE o.track_id = tracked_emails.id AND o.counts = 2 AND o.verdict = 0
      AND o.country <> '' ORDER BY o.opened_at DESC, o.id DESC LIMIT 1),
  last_city = (SELECT o.city FROM opens o
    WHERE o.track_id = tracked_emails.id AND o.counts = 2 AND o.verdict = 0
      AND o.country <> '' ORDER BY o.opened_at DESC, o.id DESC LIMIT 1)
WHERE open_count > 0;
