-- SPDX-License-Identifier: MIT
-- Two more widths of places, one more of opens: charts of a local day and maps
-- of any range are put together from fewer rows.

-- Backfill. The rounding holds before the epoch, too.
DELETE FROM open_rollups WHERE width = 10800;
INSERT INTO open_rollups (width, bucket, node, mails, mails_opened,
  mails_possible, opens, possible, human, proxied, prefetch, scanner, bot, self)
SELECT 10800, bucket - ((bucket % 10800000000 + 10800000000) % 10800000000),
  node, sum(mails), sum(mails_opened), sum(mails_possible), sum(opens),
  sum(possible), sum(human), sum(proxied), sum(prefetch), sum(scanner),
  sum(bot), sum(self)
FROM open_rollups WHERE width = 900 GROUP BY 2, 3;

DELETE FROM place_rollups WHERE width IN (345600, 11059200);
INSERT INTO place_rollups (width, bucket, country, city, node, opens)
SELECT 345600, bucket - ((bucket % 345600000000 + 345600000000)
  % 345600000000), country, city, node, sum(opens)
FROM place_rollups WHERE width = 86400 GROUP BY 2, 3, 4, 5;
INSERT INTO place_rollups (width, bucket, country, city, node, opens)
SELECT 11059200, bucket - ((bucket % 11059200000000 + 11059200000000)
  % 11059200000000), country, city, node, sum(opens)
FROM place_rollups WHERE width = 86400 GROUP BY 2, 3, 4, 5;
