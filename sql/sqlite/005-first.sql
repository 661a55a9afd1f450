-- SPDX-License-Identifier: MIT
-- How long until a mail was opened first: mails by that time, each in the
-- bucket in which it was made, as mails_opened is.

ALTER TABLE open_rollups
  ADD COLUMN first_1m BIGINT NOT NULL DEFAULT 0;
ALTER TABLE open_rollups
  ADD COLUMN first_5m BIGINT NOT NULL DEFAULT 0;
ALTER TABLE open_rollups
  ADD COLUMN first_15m BIGINT NOT NULL DEFAULT 0;
ALTER TABLE open_rollups
  ADD COLUMN first_1h BIGINT NOT NULL DEFAULT 0;
ALTER TABLE open_rollups
  ADD COLUMN first_4h BIGINT NOT NULL DEFAULT 0;
ALTER TABLE open_rollups
  ADD COLUMN first_1d BIGINT NOT NULL DEFAULT 0;
ALTER TABLE open_rollups
  ADD COLUMN first_3d BIGINT NOT NULL DEFAULT 0;
ALTER TABLE open_rollups
  ADD COLUMN first_7d BIGINT NOT NULL DEFAULT 0;
ALTER TABLE open_rollups
  ADD COLUMN first_later BIGINT NOT NULL DEFAULT 0;

-- The opens at both ends of a span that holds no whole days there.
CREATE INDEX opens_place ON opens (opened_at)
  WHERE counts = 2 AND country <> '';

-- Backfill. Hours of the week are read from whole hours (width 3600), which are
-- sums of the quarters.
DELETE FROM open_rollups WHERE width = 3600;
INSERT INTO open_rollups (width, bucket, node, mails, mails_opened,
  mails_possible, opens, possible, human, proxied, prefetch, scanner, bot,
  self)
SELECT 3600, bucket - ((bucket % 3600000000 + 3600000000) % 3600000000) AS h,
  node, sum(mails), sum(mails_opened), sum(mails_possible), sum(opens),
  sum(possible), sum(human), sum(proxied), sum(prefetch), sum(scanner),
  sum(bot), sum(self)
FROM open_rollups WHERE width = 900 GROUP BY h, node;
-- The time to the first open: all of it under a node of its own. Readers sum.
UPDATE open_rollups SET
  first_1m = 0,
  first_5m = 0,
  first_15m = 0,
  first_1h = 0,
  first_4h = 0,
  first_1d = 0,
  first_3d = 0,
  first_7d = 0,
  first_later = 0;
INSERT INTO open_rollups (width, bucket, node,
  first_1m, first_5m, first_15m, first_1h, first_4h, first_1d, first_3d,
  first_7d, first_later)
SELECT w.width, t.created_at - ((t.created_at % (w.width * 1000000)
    + w.width * 1000000) % (w.width * 1000000)) AS bucket, 'migration',
  sum(CASE WHEN t.d < 60000000 THEN 1 ELSE 0 END),
  sum(CASE WHEN t.d >= 60000000 AND t.d < 300000000 THEN 1 ELSE 0 END),
  sum(CASE WHEN t.d >= 300000000 AND t.d < 900000000 THEN 1 ELSE 0 END),
  sum(CASE WHEN t.d >= 900000000 AND t.d < 3600000000 THEN 1 ELSE 0 END),
  sum(CASE WHEN t.d >= 3600000000 AND t.d < 14400000000 THEN 1 ELSE 0 END),
  sum(CASE WHEN t.d >= 14400000000 AND t.d < 86400000000 THEN 1 ELSE 0 END),
  sum(CASE WHEN t.d >= 86400000000 AND t.d < 259200000000 THEN 1 ELSE 0 END),
  sum(CASE WHEN t.d >= 259200000000 AND t.d < 604800000000 THEN 1 ELSE 0 END),
  sum(CASE WHEN t.d >= 604800000000 THEN 1 ELSE 0 END)
FROM (SELECT created_at, first_open_at - created_at AS d
    FROM tracked_emails WHERE first_open_at IS NOT NULL) t
  CROSS JOIN (SELECT 900 AS width UNION ALL SELECT 3600
    UNION ALL SELECT 10800 UNION ALL SELECT 86400
    UNION ALL SELECT 1382400) w
GROUP BY w.width, bucket;
