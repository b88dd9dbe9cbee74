-- Who spoke with whom, in the order in which it became known; and what is planned.

-- One row per interaction, known once it is entered and has taken place; numbered within its deal.
CREATE OR REPLACE TEMP TABLE talks AS
WITH known AS (
    SELECT
        interaction_id, deal_id, kind, direction, contact_id, user_id,
        epoch_us(occurred_at) AS occurred_at,
        greatest(epoch_us(known_at), epoch_us(occurred_at)) AS known_at,
        contact_id IN (SELECT contact_id FROM contacts WHERE seniority IN ('director', 'executive')) AS is_senior
    FROM interactions
    SEMI JOIN deals USING (deal_id)
),
numbered AS (
    SELECT
        *,
        row_number() OVER (PARTITION BY deal_id ORDER BY known_at, occurred_at, interaction_id) AS number
    FROM known
),
compared AS (
    SELECT
        *,
        3 * (list_position(['email', 'call', 'meeting', 'note', 'task'], kind) - 1)
            + CASE direction WHEN 'inbound' THEN 0 WHEN 'outbound' THEN 1 ELSE 2 END AS way,
        lag(user_id IGNORE NULLS) OVER told AS user_before,
        lag(direction IGNORE NULLS) OVER told AS side_before,
        count(*) FILTER (direction = 'inbound') OVER (told ROWS UNBOUNDED PRECEDING) AS n_inbound
    FROM numbered
    WINDOW told AS (PARTITION BY deal_id ORDER BY number)
),
-- The first word of one side after words of the other.
turned AS (
    SELECT *, CASE WHEN direction IS DISTINCT FROM side_before AND direction IS NOT NULL THEN known_at END AS turned_at
    FROM compared
)
SELECT
    deal_id, number, known_at, way, n_inbound,
    kind = 'email' AND direction = 'inbound' AS inbound_email,
    kind = 'email' AND direction = 'outbound' AS outbound_email,
    kind = 'call' AND direction = 'inbound' AS inbound_call,
    kind = 'call' AND direction = 'outbound' AS outbound_call,
    kind = 'meeting' AS meeting,
    kind = 'note' AS note,
    kind = 'task' AS task,
    direction = 'inbound' AS inbound,
    direction = 'outbound' AS outbound,
    contact_id, user_id, coalesce(is_senior, false) AS is_senior,
    coalesce(user_id <> user_before, false) AS is_handover,
    -- A reply answers the other side's first word since one's own.
    turned_at - lag(turned_at IGNORE NULLS) OVER told AS time_to_reply,
    -- Our first word that the customer has not answered; missing where the customer spoke last.
    min(known_at) FILTER (direction = 'outbound') OVER (
        PARTITION BY deal_id, n_inbound ORDER BY number ROWS UNBOUNDED PRECEDING
    ) AS waiting_since,
    known_at - lag(known_at) OVER told AS gap,
    lag(known_at) OVER told - lag(known_at, 2) OVER told AS gap_before,
    lag(way) OVER told AS way_before,
    lag(way, 2) OVER told AS way_before_that
FROM turned
WINDOW told AS (PARTITION BY deal_id ORDER BY number);

-- One row per interaction entered before it takes place.
CREATE OR REPLACE TEMP TABLE planned AS
SELECT deal_id, kind, epoch_us(known_at) AS booked_at, epoch_us(occurred_at) AS occurs_at
FROM interactions
WHERE occurred_at > known_at;
