-- Engagement: who spoke with whom, how often, how lately.

-- One row per snapshot, in one pass over the interactions known before it; `age` is the time since one became known.
CREATE OR REPLACE TEMP TABLE told AS
WITH pairs AS (
    SELECT place, as_of - known_at AS age, talks.*
    FROM snapshots
    LEFT JOIN talks ON talks.deal_id = snapshots.deal_id AND talks.known_at < as_of
),
counted AS (
    SELECT
        place,
        how_many(inbound_email AND age <= days(7)) AS inbound_emails_7d,
        how_many(inbound_email AND age <= days(14)) AS inbound_emails_14d,
        how_many(inbound_email AND age <= days(30)) AS inbound_emails_30d,
        how_many(inbound_email AND age <= days(90)) AS inbound_emails_90d,
        how_many(inbound_email) AS inbound_emails_ever,
        how_many(outbound_email AND age <= days(7)) AS outbound_emails_7d,
        how_many(outbound_email AND age <= days(14)) AS outbound_emails_14d,
        how_many(outbound_email AND age <= days(30)) AS outbound_emails_30d,
        how_many(outbound_email AND age <= days(90)) AS outbound_emails_90d,
        how_many(outbound_email) AS outbound_emails_ever,
        how_many(inbound_call AND age <= days(7)) AS inbound_calls_7d,
        how_many(inbound_call AND age <= days(14)) AS inbound_calls_14d,
        how_many(inbound_call AND age <= days(30)) AS inbound_calls_30d,
        how_many(inbound_call AND age <= days(90)) AS inbound_calls_90d,
        how_many(inbound_call) AS inbound_calls_ever,
        how_many(outbound_call AND age <= days(7)) AS outbound_calls_7d,
        how_many(outbound_call AND age <= days(14)) AS outbound_calls_14d,
        how_many(outbound_call AND age <= days(30)) AS outbound_calls_30d,
        how_many(outbound_call AND age <= days(90)) AS outbound_calls_90d,
        how_many(outbound_call) AS outbound_calls_ever,
        how_many(meeting AND age <= days(7)) AS meetings_7d,
        how_many(meeting AND age <= days(14)) AS meetings_14d,
        how_many(meeting AND age <= days(30)) AS meetings_30d,
        how_many(meeting AND age <= days(90)) AS meetings_90d,
        how_many(meeting) AS meetings_ever,
        how_many(note AND age <= days(7)) AS notes_7d,
        how_many(note AND age <= days(14)) AS notes_14d,
        how_many(note AND age <= days(30)) AS notes_30d,
        how_many(note AND age <= days(90)) AS notes_90d,
        how_many(note) AS notes_ever,
        how_many(task AND age <= days(7)) AS tasks_7d,
        how_many(task AND age <= days(14)) AS tasks_14d,
        how_many(task AND age <= days(30)) AS tasks_30d,
        how_many(task AND age <= days(90)) AS tasks_90d,
        how_many(task) AS tasks_ever,
        how_many(age <= days(7)) AS interactions_7d,
        how_many(age <= days(14)) AS interactions_14d,
        how_many(age <= days(30)) AS interactions_30d,
        how_many(age <= days(90)) AS interactions_90d,
        count(number) AS interactions_ever,
        how_many(age <= days(28)) AS interactions_28d,
        how_many(inbound AND age <= days(90)) AS inbound_90d,
        how_many(outbound AND age <= days(90)) AS outbound_90d,
        min(age) AS last_age,
        max(age) AS first_age,
        min(age) FILTER (inbound) AS last_inbound_age,
        min(age) FILTER (meeting) AS last_meeting_age,
        avg(time_to_reply) FILTER (inbound) AS time_to_reply,
        avg(time_to_reply) FILTER (outbound) AS time_to_our_reply,
        count(DISTINCT contact_id) AS contacts_ever,
        count(DISTINCT contact_id) FILTER (is_senior) AS senior_contacts_ever,
        how_many(is_senior AND age <= days(90)) AS senior_interactions_90d,
        how_many(is_senior AND meeting AND age <= days(30)) AS senior_meetings_30d,
        how_many(is_senior AND meeting AND age <= days(90)) AS senior_meetings_90d,
        how_many(is_senior AND meeting) AS senior_meetings_ever,
        min(age) FILTER (is_senior AND meeting) AS last_senior_meeting_age,
        count(DISTINCT user_id) AS users_ever,
        how_many(is_handover) AS handovers_ever
    FROM pairs
    GROUP BY place
)
SELECT
    counted.*, waiting_since, n_inbound,
    way, way_before, way_before_that, gap, gap_before
FROM counted
JOIN snapshots USING (place)
LEFT JOIN talks ON talks.deal_id = snapshots.deal_id AND talks.number = interactions_ever;

-- One row per snapshot that has something booked at or after it.
CREATE OR REPLACE TEMP TABLE ahead AS
SELECT place, count(*) AS planned, min(occurs_at) FILTER (kind = 'meeting') AS next_meeting_at
FROM snapshots
JOIN planned ON planned.deal_id = snapshots.deal_id AND booked_at < as_of AND as_of <= occurs_at
GROUP BY place;

CREATE OR REPLACE TEMP TABLE engagement AS
WITH waiting AS (
    SELECT
        place,
        CASE WHEN waiting_since IS NOT NULL THEN (as_of - waiting_since) / days(1) WHEN n_inbound > 0 THEN 0 END AS days
    FROM told
    JOIN snapshots USING (place)
)
SELECT
    told.* EXCLUDE (
        interactions_28d, inbound_90d, outbound_90d, last_age, first_age, last_inbound_age, last_meeting_age, last_senior_meeting_age,
        time_to_reply, time_to_our_reply, users_ever, handovers_ever,
        waiting_since, n_inbound, way, way_before, way_before_that, gap, gap_before
    ),
    last_age / days(1) AS days_since_last_interaction,
    last_inbound_age / days(1) AS days_since_last_inbound,
    last_meeting_age / days(1) AS days_since_last_meeting,
    last_senior_meeting_age / days(1) AS days_since_last_senior_meeting,
    waiting.days AS days_unanswered,
    waiting.days / usual.days AS days_unanswered_vs_norm,
    time_to_reply / days(1) AS days_to_reply,
    time_to_our_reply / days(1) AS days_to_our_reply,
    inbound_90d / nullif(inbound_90d + outbound_90d, 0) AS two_way_share_90d,
    2 * interactions_14d - interactions_28d AS interactions_trend_14d,
    (next_meeting_at - as_of) / days(1) AS days_to_next_meeting,
    coalesce(ahead.planned, 0) AS planned_ahead
FROM told
JOIN snapshots USING (place)
JOIN waiting USING (place)
LEFT JOIN ahead USING (place)
LEFT JOIN usual_times AS usual ON usual.what = 'reply' AND usual.name = pipeline_id AND usual.week = snapshots.week;
