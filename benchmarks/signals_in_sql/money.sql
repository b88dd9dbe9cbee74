-- Money: the amount, how it changed, and how it compares with what this owner and this kind of customer buy.

CREATE OR REPLACE TEMP TABLE money AS
WITH valued AS (
    SELECT
        place, as_of, owner, size, n_amount_changes,
        snapshots.amount * rate AS amount,
        CASE WHEN amount_before > 0 THEN snapshots.amount / amount_before END AS amount_vs_last,
        TRY_CAST(first.new_value AS DOUBLE) * rate AS first_amount
    FROM snapshots
    ASOF LEFT JOIN rates ON rates.currency = snapshots.currency AND rates.known_from <= snapshots.as_of
    LEFT JOIN amount_entries AS first
        ON first.deal_id = snapshots.deal_id AND first.entry = 1 AND first.known_at < snapshots.as_of
)
SELECT
    place,
    valued.amount,
    greatest(n_amount_changes - 1, 0) AS amount_changes,
    CASE WHEN first_amount > 0 THEN valued.amount / first_amount END AS amount_vs_first,
    amount_vs_last,
    valued.amount / of_size.amount AS amount_vs_size,
    valued.amount / of_owner.amount AS amount_vs_owner
FROM valued
ASOF LEFT JOIN (SELECT * FROM typical_amounts WHERE what = 'size') AS of_size
    ON of_size.name = valued.size AND of_size.known_at < valued.as_of
ASOF LEFT JOIN (SELECT * FROM typical_amounts WHERE what = 'owner') AS of_owner
    ON of_owner.name = valued.owner AND of_owner.known_at < valued.as_of;
