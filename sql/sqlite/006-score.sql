-- SPDX-License-Identifier: MIT
-- How well a person reads, and in which order: score.h has the meaning.

ALTER TABLE recipients ADD COLUMN recent BIGINT NOT NULL DEFAULT 0;
ALTER TABLE recipients ADD COLUMN recent_opened BIGINT NOT NULL DEFAULT 0;
ALTER TABLE recipients ADD COLUMN score_base BIGINT NOT NULL DEFAULT -1;
ALTER TABLE recipients ADD COLUMN score_key BIGINT NOT NULL DEFAULT -1;

-- Each holds all that the other order asks of a row.
CREATE INDEX recipients_score ON recipients (score_base, id, score_key);
CREATE INDEX recipients_score_key ON recipients (score_key, id, score_base);

-- Backfill.
UPDATE recipients SET (recent, recent_opened) = (
  SELECT count(*), coalesce(sum(seen = 2), 0) FROM (
    SELECT t.seen FROM email_recipients er
      JOIN tracked_emails t ON t.id = er.track_id
    WHERE er.recipient_id = recipients.id
    ORDER BY er.track_id DESC LIMIT 20) WHERE seen <> 1);
UPDATE recipients SET score_base = CASE WHEN mails = mails_possible THEN -1
  WHEN recent = 0 THEN 180000 * mails_opened / (mails - mails_possible)
    + 90000 * mails_opened / (mails - mails_possible)
  ELSE 180000 * mails_opened / (mails - mails_possible)
    + 90000 * recent_opened / recent END;
UPDATE recipients SET score_key = CASE WHEN score_base < 0 THEN -1
  ELSE score_base + 1000 * (coalesce(last_open_at, 0) / 86400000000) END;
