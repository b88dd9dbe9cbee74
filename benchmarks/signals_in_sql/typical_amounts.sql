-- What deals are usually worth, by owner and by the account's size: geometric means of first amounts.

-- One row per deal with a positive first amount, in the reporting currency as of its entry.
CREATE OR REPLACE TEMP TABLE first_amounts AS
SELECT first.known_at, owner.new_value AS owner, accounts.size, ln(first.new_value::DOUBLE * rate) AS log_amount
FROM (SELECT * FROM amount_entries WHERE entry = 1 AND TRY_CAST(new_value AS DOUBLE) > 0) AS first
JOIN deals USING (deal_id)
ASOF JOIN rates ON rates.currency = deals.currency AND rates.known_from <= first.known_at
LEFT JOIN accounts USING (account_id)
LEFT JOIN owner_entries AS owner ON owner.deal_id = first.deal_id AND owner.rank = first.owner_rank;

-- One row per group and instant at which another first amount became known: the geometric mean up to then.
CREATE OR REPLACE TEMP TABLE typical_amounts AS
WITH amounts AS (
    UNPIVOT first_amounts ON owner, size INTO NAME what VALUE name
)
SELECT DISTINCT what, name, known_at, exp(avg(log_amount) OVER past) AS amount
FROM amounts
WINDOW past AS (PARTITION BY what, name ORDER BY known_at);
