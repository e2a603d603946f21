-- title: What is not known, and what is not counted
-- question: How much of the traffic has a source or destination that could not be named, and which rows never count?
-- parameters:
--   1, 3, 5, 7  first_day  date  2000-01-01  first day (UTC) on which flows started
--   2, 4, 6, 8  last_day   date  2999-12-31  last day (UTC) on which flows started
-- columns:
--   part     source or destination: of the counted flows, this side's status; records: of all rows, whether they count
--   what     the status; or counted, second record (the other end's, or delivered again), hop, reporter not known,
--            NODATA, SKIPDATA
--   flows    how many rows
--   bytes    theirs
--   percent  of the part's rows
-- partitions: day, with a day of slack after the last
WITH counted AS (
    SELECT f.src_status, f.dst_status, f.bytes
    FROM flows_once AS f
    WHERE f.day >= ?
        AND f.day <= date_format(CAST(? AS timestamp) + INTERVAL '1' DAY, '%Y-%m-%d')
        AND f.flow_time >= to_unixtime(CAST(? AS timestamp))
        AND f.flow_time < to_unixtime(CAST(? AS timestamp) + INTERVAL '1' DAY)
),
records AS (
    SELECT
        CASE
            WHEN l.log_status IN ('NODATA', 'SKIPDATA') THEN l.log_status
            WHEN l.reporter = 'hop' THEN 'hop'
            WHEN l.reporter IS NULL THEN 'reporter not known'
            WHEN coalesce(l.pkt_srcaddr, l.srcaddr) IS NULL THEN 'reporter not known'
            WHEN coalesce(l.pkt_dstaddr, l.dstaddr) IS NULL THEN 'reporter not known'
            ELSE 'second record'
        END AS what,
        coalesce(l.bytes, 0) AS bytes
    FROM flow_logs AS l
    WHERE l.day >= ?
        AND l.day <= date_format(CAST(? AS timestamp) + INTERVAL '1' DAY, '%Y-%m-%d')
        AND coalesce(l."start", to_unixtime(CAST(l.day || ' ' || l.hour || ':00:00' AS timestamp)))
            >= to_unixtime(CAST(? AS timestamp))
        AND coalesce(l."start", to_unixtime(CAST(l.day || ' ' || l.hour || ':00:00' AS timestamp)))
            < to_unixtime(CAST(? AS timestamp) + INTERVAL '1' DAY)
),
parts AS (
    -- One scan for all parts. What counts was taken for a second record above, so it is taken off there.
    SELECT
        CASE WHEN k.kind IN ('source', 'destination') THEN k.kind ELSE 'records' END AS part,
        CASE k.kind
            WHEN 'source' THEN coalesce(c.src_status, 'no status')
            WHEN 'destination' THEN coalesce(c.dst_status, 'no status')
            ELSE k.kind
        END AS what,
        CASE WHEN k.kind = 'second record' THEN -1 ELSE 1 END AS flows,
        CASE WHEN k.kind = 'second record' THEN -coalesce(c.bytes, 0) ELSE coalesce(c.bytes, 0) END AS bytes
    FROM counted AS c
    CROSS JOIN (VALUES ('source'), ('destination'), ('counted'), ('second record')) AS k (kind)
    UNION ALL
    SELECT 'records' AS part, r.what, 1 AS flows, r.bytes
    FROM records AS r
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
WHERE s.flows > 0
ORDER BY s.part, s.flows DESC, s.what
