-- Timing: age, the expected close date, how often it was pushed, and the calendar.

CREATE OR REPLACE TEMP TABLE timing AS
WITH pushed AS (
    SELECT deal_id, known_at, new_value::DATE - old_value::DATE AS days
    FROM close_date_entries
    WHERE new_value::DATE > old_value::DATE
),
so_far AS (
    SELECT place, count(days) AS pushes, coalesce(sum(days), 0) AS pushed_days, max(known_at) AS last_at
    FROM snapshots
    LEFT JOIN pushed ON pushed.deal_id = snapshots.deal_id AND pushed.known_at < as_of
    GROUP BY place
),
dated AS (
    SELECT
        place, as_of, created_at,
        (epoch_us(close_date) - as_of) / days(1) AS days_to_close_date,
        (epoch_us(close_date) - close_date_set_at) / days(1) AS days_planned,
        (epoch_us(TRY_CAST(first.new_value AS DATE)) - first.changed_at) / days(1) AS days_planned_first,
        date_trunc('month', make_timestamp(as_of)) AS month,
        (month(make_timestamp(as_of)) - fiscal_year_start_month + 12) % 3 AS months_into_quarter
    FROM settings, snapshots
    LEFT JOIN close_date_entries AS first
        ON first.deal_id = snapshots.deal_id AND first.entry = 1 AND first.known_at < as_of
)
SELECT
    place,
    (as_of - created_at) / days(1) AS age_days,
    days_to_close_date,
    CASE WHEN days_to_close_date < -1 THEN -days_to_close_date - 1 WHEN days_to_close_date IS NOT NULL THEN 0 END
        AS overdue_days,
    days_planned,
    days_planned_first,
    pushes,
    pushed_days,
    (as_of - last_at) / days(1) AS days_since_push,
    (epoch_us(month + to_months((3 - months_into_quarter)::INTEGER)) - as_of) / days(1) AS days_to_quarter_end
FROM dated
JOIN so_far USING (place);
