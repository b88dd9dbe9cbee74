-- One row per row of the grid: the deal as known before `as_of`.

CREATE OR REPLACE TEMP TABLE snapshots AS
WITH numbered AS (
    SELECT row_number() OVER (ORDER BY deal_id, as_of) AS place, deal_id, epoch_us(as_of) AS as_of
    FROM grid
),
known AS (
    SELECT
        place,
        max(rank) FILTER (field = 'stage') AS stage_rank,
        max(rank) FILTER (field = 'owner_id') AS owner_rank,
        max(rank) FILTER (field = 'amount') AS amount_rank,
        max(rank) FILTER (field = 'close_date') AS close_date_rank,
        count(*) FILTER (field = 'owner_id') AS n_owner_changes,
        count(*) FILTER (field = 'amount') AS n_amount_changes
    FROM numbered
    JOIN entries ON entries.deal_id = numbered.deal_id AND entries.known_at < as_of
    GROUP BY place
)
SELECT
    numbered.*, deals.pipeline_id, deals.account_id, deals.source, deals.deal_type, deals.currency,
    accounts.industry, accounts.size, accounts.region,
    epoch_us(deals.created_at) AS created_at,
    epoch_us(date_trunc('week', make_timestamp(as_of))) AS week,
    stage.stage, stage.position, stage.changed_at AS stage_since,
    owner.new_value AS owner,
    CASE WHEN owner.new_value IS NOT NULL THEN owner.changed_at END AS owner_since,
    users.team, users.manager_id AS manager,
    TRY_CAST(amount.new_value AS DOUBLE) AS amount,
    TRY_CAST(before.new_value AS DOUBLE) AS amount_before,
    TRY_CAST(close_date.new_value AS DATE) AS close_date,
    close_date.changed_at AS close_date_set_at,
    coalesce(n_owner_changes, 0) AS n_owner_changes,
    coalesce(n_amount_changes, 0) AS n_amount_changes
FROM numbered
JOIN deals USING (deal_id)
LEFT JOIN accounts USING (account_id)
LEFT JOIN known USING (place)
LEFT JOIN stage_entries AS stage ON stage.deal_id = numbered.deal_id AND stage.rank = known.stage_rank
LEFT JOIN owner_entries AS owner ON owner.deal_id = numbered.deal_id AND owner.rank = known.owner_rank
LEFT JOIN amount_entries AS amount ON amount.deal_id = numbered.deal_id AND amount.rank = known.amount_rank
LEFT JOIN amount_entries AS before ON before.deal_id = numbered.deal_id AND before.rank = amount.rank_before
LEFT JOIN close_date_entries AS close_date
    ON close_date.deal_id = numbered.deal_id AND close_date.rank = known.close_date_rank
LEFT JOIN users ON users.user_id = owner.new_value;
