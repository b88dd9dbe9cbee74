-- Momentum: where the deal stands, how it moved there, and how that compares with the usual.

CREATE OR REPLACE TEMP TABLE momentum AS
WITH forward AS (
    SELECT
        place,
        how_many(is_forward) AS forward_moves,
        how_many(is_forward AND known_at >= as_of - days(30)) AS forward_moves_30d,
        how_many(is_backward) AS backward_moves,
        coalesce(sum(steps - 1) FILTER (steps > 1), 0) AS skipped_stages,
        coalesce(sum(steps) FILTER (steps > 0), 0) AS steps,
        max(known_at) FILTER (is_forward) AS last_at
    FROM snapshots
    LEFT JOIN moves ON moves.deal_id = snapshots.deal_id AND moves.known_at < as_of
    GROUP BY place
)
SELECT
    place,
    position AS stage_position,
    stage_win_rate,
    (as_of - stage_since) / days(1) AS days_in_stage,
    (as_of - stage_since) / days(1) / usual.days AS days_in_stage_vs_norm,
    forward_moves,
    forward_moves_30d,
    backward_moves,
    skipped_stages,
    (as_of - last_at) / days(1) AS days_since_forward_move,
    steps * 30 / greatest((as_of - created_at) / days(1), 7) AS stages_per_month
FROM forward
JOIN snapshots USING (place)
JOIN win_rates USING (place)
LEFT JOIN usual_times AS usual
    ON usual.what = 'advance' AND usual.name = snapshots.stage::VARCHAR AND usual.week = snapshots.week;
