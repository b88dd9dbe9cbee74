-- How deals ended, by owner, segment, stage passed and so on, as known at any instant.

-- One row per closing, and one with -1 per closing taken back by a later stage. The owner is the one known once
-- the closing was.
CREATE OR REPLACE TEMP TABLE closings AS
WITH signed AS (
    SELECT deal_id, entry, owner_rank, known_at, 1 AS closed, (category = 'won')::INTEGER AS won
    FROM stage_steps
    WHERE category <> 'open'
    UNION ALL
    SELECT deal_id, closing.entry, closing.owner_rank, later.known_at, -1, -(closing.category = 'won')::INTEGER
    FROM stage_steps AS later
    JOIN stage_steps AS closing USING (deal_id)
    WHERE closing.entry = later.entry_before AND closing.category <> 'open'
)
SELECT
    signed.*, 'all' AS everyone, owner.new_value AS owner, users.team, users.manager_id AS manager,
    deals.source, deals.deal_type, deals.account_id, accounts.industry, accounts.size, accounts.region
FROM signed
JOIN deals USING (deal_id)
LEFT JOIN accounts USING (account_id)
LEFT JOIN owner_entries AS owner ON owner.deal_id = signed.deal_id AND owner.rank = signed.owner_rank
LEFT JOIN users ON users.user_id = owner.new_value;

-- One row per closing (or closing taken back) and stage that the deal had been in before it closed.
CREATE OR REPLACE TEMP TABLE passed AS
SELECT DISTINCT deal_id, closings.entry, closings.known_at, won, closed, stages.stage::VARCHAR AS stage
FROM closings
JOIN stage_entries AS stages USING (deal_id)
WHERE stages.entry < closings.entry;

-- One row per group and instant at which its record changed: how many had been won and closed by then.
CREATE OR REPLACE TEMP TABLE records AS
WITH counted AS (
    UNPIVOT (
        SELECT
            known_at, won, closed,
            everyone, owner, team, manager, source, deal_type, industry, size, region, account_id
        FROM closings
    )
    ON everyone, owner, team, manager, source, deal_type, industry, size, region, account_id INTO NAME what VALUE name
    UNION ALL
    SELECT known_at, won, closed, 'stage', stage FROM passed
),
summed AS (
    SELECT what, name, known_at, sum(won) AS won, sum(closed) AS closed
    FROM counted
    GROUP BY what, name, known_at
)
SELECT what, name, known_at, sum(won) OVER past AS won, sum(closed) OVER past AS closed
FROM summed
WINDOW past AS (PARTITION BY what, name ORDER BY known_at);

-- One row per snapshot and group it belongs to.
CREATE OR REPLACE TEMP TABLE asked AS
UNPIVOT (
    SELECT
        place, as_of, 'all' AS everyone, owner, team, manager, stage::VARCHAR AS stage,
        source, deal_type, industry, size, region, account_id
    FROM snapshots
)
ON everyone, owner, team, manager, stage, source, deal_type, industry, size, region, account_id
INTO NAME what VALUE name;

-- One row per snapshot: what had become of the deals of each of its groups. Each group is looked up once per instant.
CREATE OR REPLACE TEMP TABLE win_rates AS
WITH pairs AS (
    SELECT DISTINCT what, name, as_of FROM asked
),
answers AS (
    SELECT pairs.*, won, closed
    FROM pairs
    ASOF JOIN records ON records.what = pairs.what AND records.name = pairs.name AND records.known_at < pairs.as_of
),
found AS (
    SELECT
        place,
        max(won) FILTER (what = 'everyone') / nullif(max(closed) FILTER (what = 'everyone'), 0) AS overall,
        max(won) FILTER (what = 'owner') AS owner_won, max(closed) FILTER (what = 'owner') AS owner_closed,
        max(won) FILTER (what = 'team') AS team_won, max(closed) FILTER (what = 'team') AS team_closed,
        max(won) FILTER (what = 'manager') AS manager_won, max(closed) FILTER (what = 'manager') AS manager_closed,
        max(won) FILTER (what = 'stage') AS stage_won, max(closed) FILTER (what = 'stage') AS stage_closed,
        max(won) FILTER (what = 'source') AS source_won, max(closed) FILTER (what = 'source') AS source_closed,
        max(won) FILTER (what = 'deal_type') AS deal_type_won,
        max(closed) FILTER (what = 'deal_type') AS deal_type_closed,
        max(won) FILTER (what = 'industry') AS industry_won, max(closed) FILTER (what = 'industry') AS industry_closed,
        max(won) FILTER (what = 'size') AS size_won, max(closed) FILTER (what = 'size') AS size_closed,
        max(won) FILTER (what = 'region') AS region_won, max(closed) FILTER (what = 'region') AS region_closed,
        max(won) FILTER (what = 'account_id') AS account_won,
        max(closed) FILTER (what = 'account_id') AS account_closed
    FROM asked
    LEFT JOIN answers USING (what, name, as_of)
    GROUP BY place
)
SELECT
    place,
    mixed(owner_won, owner_closed, overall) AS owner_win_rate,
    mixed(team_won, team_closed, overall) AS team_win_rate,
    mixed(manager_won, manager_closed, overall) AS manager_win_rate,
    mixed(stage_won, stage_closed, overall) AS stage_win_rate,
    mixed(source_won, source_closed, overall) AS source_win_rate,
    mixed(deal_type_won, deal_type_closed, overall) AS deal_type_win_rate,
    mixed(industry_won, industry_closed, overall) AS industry_win_rate,
    mixed(size_won, size_closed, overall) AS size_win_rate,
    mixed(region_won, region_closed, overall) AS region_win_rate,
    coalesce(owner_closed, 0) AS owner_closed_deals,
    coalesce(account_won, 0) AS account_won,
    coalesce(account_closed - account_won, 0) AS account_lost
FROM found;
