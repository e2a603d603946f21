-- title: What is not known, and what is not counted
-- question: How much of the traffic has a source or destination that could not be named, and which rows never count?
-- group: What is not known
-- parameters:
--   1, 3  first_day  date  2000-01-01  first day (UTC) on which flows started
--   2, 4  last_day   date  2999-12-31  last day (UTC) on which flows started
-- columns:
--   part     source or destination: of the counted flows, this side's status; records: of all rows, whether they
--                count
--   what     the status; or counted, second record (the other end's, or delivered again), hop, reporter not known,
--                NODATA, SKIPDATA
--   flows    how many rows
--   bytes    theirs
--   percent  of the part's rows
-- partitions: day, with a day of slack after the last
WITH parts AS (
    SELECT
        k.part,
        CASE k.part
            WHEN 'source' THEN coalesce(h.src_status, 'no status')
            WHEN 'destination' THEN coalesce(h.dst_status, 'no status')
            ELSE h.counts_as
        END AS what,
        h.flows,
        h.bytes
    FROM flows_hourly AS h
    CROSS JOIN (VALUES ('source'), ('destination'), ('records')) AS k (part)
    WHERE h.day >= ?
        AND h.day <= date_format(CAST(? AS timestamp) + INTERVAL '1' DAY, '%Y-%m-%d')
        AND h.flow_hour >= to_unixtime(CAST(? AS timestamp))
        AND h.flow_hour < to_unixtime(CAST(? AS timestamp) + INTERVAL '1' DAY)
        AND (h.counts_as = 'counted' OR k.part = 'records')
),
shares AS (
    SELECT
        p.part,
        p.what,
        sum(p.flows) AS flows,
        sum(p.bytes) AS bytes,
        sum(sum(p.flows)) OVER (PARTITION BY p.part) AS of_part
    FROM parts AS p
    GROUP BY p.part, p.what
)
SELECT
    s.part,
    s.what,
    s.flows,
    s.bytes,
    round(1e2 * s.flows / nullif(s.of_part, 0), 2) AS percent
FROM shares AS s
ORDER BY s.part, s.flows DESC, s.what
