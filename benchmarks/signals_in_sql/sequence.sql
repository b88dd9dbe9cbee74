-- Sequence: the order and the gaps of the last moves and interactions, and who took over from whom.

CREATE OR REPLACE TEMP TABLE sequence AS
WITH moved AS (
    SELECT place, count(number) AS moves_ever
    FROM snapshots
    LEFT JOIN moves ON moves.deal_id = snapshots.deal_id AND moves.known_at < as_of
    GROUP BY place
)
SELECT
    place,
    way AS last_interaction,
    way_before AS last_but_one_interaction,
    way_before_that AS third_last_interaction,
    gap / days(1) AS last_gap_days,
    gap_before / days(1) AS gap_before_days,
    (first_age - last_age) / days(1) / nullif(interactions_ever - 1, 0) AS mean_gap_days,
    moves_ever,
    time_in_origin / days(1) AS days_in_last_stage,
    origin_position AS last_stage_position,
    time_since_last / days(1) AS days_between_last_moves,
    users_ever,
    handovers_ever
FROM told
JOIN snapshots USING (place)
JOIN moved USING (place)
LEFT JOIN moves ON moves.deal_id = snapshots.deal_id AND moves.number = moves_ever;
