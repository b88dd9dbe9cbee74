-- How long a step usually takes, as known at the start of each week: exact medians of at least twenty times.

-- One row per time that became known: until a move forward, by the stage left; until an answer of the customer, by
-- pipeline. An answer may be older than the deal it is filed under, and tells nothing before that deal exists.
CREATE OR REPLACE TEMP TABLE times AS
SELECT 'advance' AS what, origin::VARCHAR AS name, known_at, time_in_origin / days(1) AS days
FROM moves
WHERE is_forward
UNION ALL
SELECT 'reply', pipeline_id, greatest(known_at, epoch_us(created_at)), time_to_reply / days(1)
FROM talks
JOIN deals USING (deal_id)
WHERE inbound AND time_to_reply IS NOT NULL;

-- One row per group (all groups together have no name) and week with a new time: the median by the week's end.
CREATE OR REPLACE TEMP TABLE medians AS
WITH dated AS (
    SELECT what, name, days, epoch_us(date_trunc('week', make_timestamp(known_at)) + INTERVAL 7 DAY) AS week FROM times
    UNION ALL
    SELECT what, NULL, days, epoch_us(date_trunc('week', make_timestamp(known_at)) + INTERVAL 7 DAY) FROM times
)
SELECT DISTINCT what, name, week, quantile_disc(days, 0.5) OVER past AS days, count(*) OVER past AS n
FROM dated
WINDOW past AS (PARTITION BY what, name ORDER BY week);

-- One row per group and week of the grid: the median of the group's own times, or of all where those are fewer than
-- twenty; a hundredth of a day at the least. No row where all are too few.
CREATE OR REPLACE TEMP TABLE usual_times AS
WITH weeks AS (
    SELECT DISTINCT 'advance' AS what, stage::VARCHAR AS name, week FROM snapshots
    UNION ALL
    SELECT DISTINCT 'reply', pipeline_id, week FROM snapshots
),
own AS (
    SELECT weeks.*, medians.days, medians.n
    FROM weeks
    ASOF LEFT JOIN medians ON medians.what = weeks.what AND medians.name = weeks.name AND medians.week <= weeks.week
)
SELECT own.what, own.name, own.week, greatest(CASE WHEN own.n >= 20 THEN own.days ELSE total.days END, 0.01) AS days
FROM own
ASOF JOIN (SELECT * FROM medians WHERE name IS NULL) AS total ON total.what = own.what AND total.week <= own.week
WHERE total.n >= 20;
