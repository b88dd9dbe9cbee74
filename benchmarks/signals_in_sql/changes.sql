-- What changed on each deal, when it became known, and what each change of stage meant.

-- One row per stage of a pipeline; its number tells it from a stage of the same name in another pipeline.
CREATE OR REPLACE TEMP TABLE numbered_stages AS
SELECT row_number() OVER (ORDER BY pipeline_id, stage) AS stage, pipeline_id, stage AS name, position, category
FROM stages;

-- One row per change of a field that signals are made of. Nothing of a deal is known before the deal itself is;
-- a stage that its pipeline does not have says nothing. The change in effect is the one of the highest rank.
CREATE OR REPLACE TEMP TABLE changes AS
SELECT
    deal_id, field, old_value, new_value, numbered.stage, numbered.position, numbered.category,
    epoch_us(changed_at) AS changed_at,
    greatest(epoch_us(known_at), epoch_us(created_at)) AS known_at,
    row_number() OVER (PARTITION BY deal_id, field ORDER BY changed_at, seq) AS rank
FROM deal_changes
JOIN deals USING (deal_id)
LEFT JOIN numbered_stages AS numbered
    ON field = 'stage' AND numbered.pipeline_id = deals.pipeline_id AND numbered.name = new_value
WHERE field IN ('amount', 'close_date', 'owner_id') OR numbered.stage IS NOT NULL;

-- The same in the order of entry, with the rank of what was in effect just before the entry,
-- and of the deal's stage and owner in effect once all that was entered at that instant is known.
CREATE OR REPLACE TEMP TABLE entries AS
SELECT
    *,
    row_number() OVER entered AS entry,
    max(rank) OVER (
        PARTITION BY deal_id, field ORDER BY known_at, rank ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING
    ) AS rank_before,
    max(rank) FILTER (field = 'stage') OVER until_then AS stage_rank,
    max(rank) FILTER (field = 'owner_id') OVER until_then AS owner_rank
FROM changes
WINDOW
    entered AS (PARTITION BY deal_id, field ORDER BY known_at, rank),
    until_then AS (PARTITION BY deal_id ORDER BY known_at RANGE UNBOUNDED PRECEDING);

CREATE OR REPLACE TEMP TABLE stage_entries AS SELECT * FROM entries WHERE field = 'stage';
CREATE OR REPLACE TEMP TABLE owner_entries AS SELECT * FROM entries WHERE field = 'owner_id';
CREATE OR REPLACE TEMP TABLE amount_entries AS SELECT * FROM entries WHERE field = 'amount';
CREATE OR REPLACE TEMP TABLE close_date_entries AS SELECT * FROM entries WHERE field = 'close_date';

-- One row per change of stage that took effect when it was entered, beside the stage in effect until then.
-- An older change that is entered late takes no effect.
CREATE OR REPLACE TEMP TABLE stage_steps AS
SELECT
    new.deal_id, new.entry, new.known_at, new.changed_at, new.stage, new.category, new.owner_rank,
    before.entry AS entry_before,
    before.stage AS origin,
    before.position AS origin_position,
    before.category AS origin_category,
    new.changed_at - before.changed_at AS time_in_origin,
    CASE WHEN new.category = 'open' AND before.category = 'open' THEN new.position - before.position END AS steps
FROM stage_entries AS new
LEFT JOIN stage_entries AS before ON before.deal_id = new.deal_id AND before.rank = new.rank_before
WHERE new.rank_before IS NULL OR new.rank > new.rank_before;

-- One row per move of a deal from an open stage to another, numbered in the order of entry.
CREATE OR REPLACE TEMP TABLE moves AS
SELECT
    deal_id, known_at, origin, origin_position, time_in_origin, steps,
    category = 'won' OR coalesce(steps > 0, false) AS is_forward,
    coalesce(steps < 0, false) AS is_backward,
    row_number() OVER entered AS number,
    known_at - lag(known_at) OVER entered AS time_since_last
FROM stage_steps
WHERE origin_category = 'open' AND stage <> origin
WINDOW entered AS (PARTITION BY deal_id ORDER BY entry);
