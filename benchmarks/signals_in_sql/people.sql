-- People and fit: who owns the deal, how they have done, how much they have on their hands; how deals like it ended.

-- One row per deal and instant at which its stage or its owner changed: who then held it, nobody once it is closed.
CREATE OR REPLACE TEMP TABLE holders AS
WITH changed AS (
    SELECT DISTINCT deal_id, known_at, stage_rank, owner_rank
    FROM entries
    WHERE field IN ('stage', 'owner_id')
)
SELECT changed.deal_id, changed.known_at, CASE WHEN stage.category = 'open' THEN owner.new_value END AS holder
FROM changed
LEFT JOIN stage_entries AS stage ON stage.deal_id = changed.deal_id AND stage.rank = changed.stage_rank
LEFT JOIN owner_entries AS owner ON owner.deal_id = changed.deal_id AND owner.rank = changed.owner_rank;

-- One row per owner and instant at which their open deals changed: how many they had from then on.
CREATE OR REPLACE TEMP TABLE loads AS
WITH handed AS (
    SELECT known_at, holder, lag(holder) OVER (PARTITION BY deal_id ORDER BY known_at) AS holder_before
    FROM holders
),
counted AS (
    SELECT holder AS owner, known_at, 1 AS n FROM handed WHERE holder IS DISTINCT FROM holder_before
    UNION ALL
    SELECT holder_before, known_at, -1 FROM handed WHERE holder IS DISTINCT FROM holder_before
),
summed AS (
    SELECT owner, known_at, sum(n) AS n
    FROM counted
    WHERE owner IS NOT NULL
    GROUP BY owner, known_at
)
SELECT owner, known_at, sum(n) OVER (PARTITION BY owner ORDER BY known_at) AS n_open
FROM summed;

CREATE OR REPLACE TEMP TABLE people AS
SELECT
    snapshots.place,
    win_rates.* EXCLUDE (place, stage_win_rate),
    coalesce(n_open, 0) AS owner_open_deals,
    greatest(n_owner_changes - 1, 0) AS owner_changes,
    (as_of - owner_since) / days(1) AS days_with_owner
FROM snapshots
JOIN win_rates USING (place)
ASOF LEFT JOIN loads ON loads.owner = snapshots.owner AND loads.known_at < snapshots.as_of;
