-- Every instant is a whole number of microseconds since 1970 UTC, so that days are exact and quickly compared.
CREATE OR REPLACE TEMP MACRO days(n) AS n * 86400000000;

-- Rows of a group that meet a condition: count(*) FILTER (condition), in half the time where there are many.
CREATE OR REPLACE TEMP MACRO how_many(condition) AS coalesce(count_if(condition), 0);

-- A group's win rate mixed with twenty deals' worth of the rate of all deals; missing until a deal has closed.
CREATE OR REPLACE TEMP MACRO mixed(won, closed, overall) AS
    (coalesce(won, 0) + 20 * overall) / (coalesce(closed, 0) + 20);
