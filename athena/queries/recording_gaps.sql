-- title: What interfaces skip
-- question: Which interfaces had records skipped, and what share of their records are of hops or of nobody's side?
-- group: What is not known
-- parameters:
--   1, 3  first_day  date    2000-01-01  first day (UTC) on which flows started
--   2, 4  last_day   date    2999-12-31  last day (UTC) on which flows started
--   5     top        bigint  50          how many to list
-- columns:
--   place                             1 is the most SKIPDATA
--   interface_id, account_id, vpc_id  the recording interface, and where it is if the log format says so; null:
--                                         records without an interface
--   records                           all of its records
--   skipdata                          SKIPDATA: AWS left out an unknown number of flows
--   nodata                            NODATA: nothing to record
--   hop, reporter_not_known           records that never count
--   percent_skipdata, percent_hop     of its records
-- partitions: day, with a day of slack after the last
WITH recorders AS (
    SELECT
        row_number() OVER (
            ORDER BY count_if(r.record_kind = 'SKIPDATA') DESC, count(*) DESC, r.interface_id, r.account_id, r.vpc_id
        ) AS place,
        r.interface_id,
        r.account_id,
        r.vpc_id,
        count(*) AS records,
        count_if(r.record_kind = 'SKIPDATA') AS skipdata,
        count_if(r.record_kind = 'NODATA') AS nodata,
        count_if(r.record_kind = 'hop') AS hop,
        count_if(r.record_kind = 'reporter not known') AS reporter_not_known
    FROM flow_rows AS r
    WHERE r.day >= ?
        AND r.day <= date_format(CAST(? AS timestamp) + INTERVAL '1' DAY, '%Y-%m-%d')
        AND r.flow_time >= to_unixtime(CAST(? AS timestamp))
        AND r.flow_time < to_unixtime(CAST(? AS timestamp) + INTERVAL '1' DAY)
    GROUP BY r.interface_id, r.account_id, r.vpc_id
)
SELECT
    r.place,
    r.interface_id,
    r.account_id,
    r.vpc_id,
    r.records,
    r.skipdata,
    r.nodata,
    r.hop,
    r.reporter_not_known,
    round(1e2 * r.skipdata / nullif(r.records, 0), 2) AS percent_skipdata,
    round(1e2 * r.hop / nullif(r.records, 0), 2) AS percent_hop
FROM recorders AS r
WHERE r.place <= ?
ORDER BY r.place
