-- title: Cross-AZ traffic by hour
-- question: When did how much cross zones, and what share of all traffic was it?
-- group: Availability Zones
-- parameters:
--   1, 3  first_day  date  2000-01-01  first day (UTC) on which flows started
--   2, 4  last_day   date  2999-12-31  last day (UTC) on which flows started
-- columns:
--   hour_utc          hour in which the flows started, YYYY-MM-DD HH:00
--   flows, bytes      accepted between two zones, each flow and interval counted once
--   gigabytes         bytes / 1e9
--   percent_of_bytes  of all accepted bytes of the hour
--   estimated_usd     both directions' charge
--   uncounted_bytes   of records that fit as well but never count: gateways in between, or the reporter is not known
-- partitions: day, with a day of slack after the last
WITH hours AS (
    SELECT
        h.flow_hour,
        h.traffic_class = 'cross_az' AS is_crossing,
        h.counts_as = 'counted' AS is_counted,
        h.flows,
        h.bytes,
        h.estimated_usd
    FROM hourly_costs AS h
    WHERE h.day >= ?
        AND h.day <= date_format(CAST(? AS timestamp) + INTERVAL '1' DAY, '%Y-%m-%d')
        AND h.flow_hour >= to_unixtime(CAST(? AS timestamp))
        AND h.flow_hour < to_unixtime(CAST(? AS timestamp) + INTERVAL '1' DAY)
        AND h.action = 'ACCEPT'
        AND h.kind = 'transfer'
        AND h.counts_as IN ('counted', 'hop', 'reporter not known')
)
SELECT
    date_format(from_unixtime(h.flow_hour), '%Y-%m-%d %H:00') AS hour_utc,
    sum(if(h.is_crossing AND h.is_counted, h.flows, 0)) AS flows,
    sum(if(h.is_crossing AND h.is_counted, h.bytes, 0)) AS bytes,
    round(sum(if(h.is_crossing AND h.is_counted, h.bytes, 0)) / 1e9, 6) AS gigabytes,
    round(
        1e2 * sum(if(h.is_crossing AND h.is_counted, h.bytes, 0)) / nullif(sum(if(h.is_counted, h.bytes, 0)), 0), 2
    ) AS percent_of_bytes,
    round(sum(if(h.is_crossing AND h.is_counted, h.estimated_usd, 0e0)), 6) AS estimated_usd,
    sum(if(h.is_crossing AND NOT h.is_counted, h.bytes, 0)) AS uncounted_bytes
FROM hours AS h
GROUP BY h.flow_hour
ORDER BY h.flow_hour
