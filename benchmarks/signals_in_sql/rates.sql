-- Rates of exchange to the reporting currency.

-- One row per currency and day with a quote: what a unit was worth, known from the end of that day on.
-- Of two quotes on a day the direct one holds. The reporting currency is worth one of itself, and always was.
CREATE OR REPLACE TEMP TABLE rates AS
WITH quotes AS (
    SELECT fx.currency, fx.day, fx.rate, 1 AS is_direct
    FROM fx_rates AS fx, settings
    WHERE fx.quote_currency = settings.reporting_currency
    UNION ALL
    SELECT fx.quote_currency, fx.day, 1 / nullif(fx.rate, 0), 0
    FROM fx_rates AS fx, settings
    WHERE fx.currency = settings.reporting_currency
)
SELECT currency, epoch_us(day::DATE + INTERVAL 1 DAY) AS known_from, arg_max(rate, is_direct) AS rate
FROM quotes, settings
WHERE rate > 0 AND currency <> settings.reporting_currency
GROUP BY currency, day
UNION ALL
SELECT reporting_currency, epoch_us(DATE '0001-01-01'), 1
FROM settings;
