-- One row per row of the grid, in the order of deal and instant: every signal by name.

SELECT deal_id, make_timestamptz(as_of) AS as_of, CAST(COLUMNS(* EXCLUDE (place, deal_id, as_of)) AS DOUBLE)
FROM (SELECT place, deal_id, as_of FROM snapshots)
JOIN engagement USING (place)
JOIN sequence USING (place)
JOIN momentum USING (place)
JOIN timing USING (place)
JOIN money USING (place)
JOIN people USING (place)
ORDER BY place;
