-- title: Cross-AZ traffic by pair of subnets
-- question: Between which subnets does traffic cross zones, and what did that cost by list price?
-- group: Availability Zones
-- parameters:
--   1, 3, 5, 7  first_day  date  2000-01-01  first day (UTC) on which flows started
--   2, 4, 6, 8  last_day   date  2999-12-31  last day (UTC) on which flows started
-- columns:
--   src_subnet_id, dst_subnet_id  where the ends are; null where not known
--   src_az_id, dst_az_id          their Availability Zone IDs
--   src_vpc_id, dst_vpc_id        their VPCs
--   flows, bytes                  accepted, each flow and interval counted once
--   gigabytes                     bytes / 1e9
--   estimated_usd                 both directions' charge
--   uncounted_bytes               of records that fit as well but never count: gateways in between, or the reporter
--                                     is not known
-- partitions: day, with a day of slack after the last
WITH records AS (
    SELECT
        f.src_subnet_id,
        f.dst_subnet_id,
        f.src_az_id,
        f.dst_az_id,
        f.src_vpc_id,
        f.dst_vpc_id,
        1 AS flows,
        f.bytes,
        f.bytes * f.usd_per_gb / 1e9 AS usd,
        0 AS uncounted
    FROM flow_costs AS f
    WHERE f.day >= ?
        AND f.day <= date_format(CAST(? AS timestamp) + INTERVAL '1' DAY, '%Y-%m-%d')
        AND f.flow_time >= to_unixtime(CAST(? AS timestamp))
        AND f.flow_time < to_unixtime(CAST(? AS timestamp) + INTERVAL '1' DAY)
        AND f.action = 'ACCEPT'
        AND f.traffic_class = 'cross_az'
    UNION ALL
    SELECT
        r.src_subnet_id,
        r.dst_subnet_id,
        r.src_az_id,
        r.dst_az_id,
        r.src_vpc_id,
        r.dst_vpc_id,
        0 AS flows,
        0 AS bytes,
        0e0 AS usd,
        r.bytes AS uncounted
    FROM flow_rows AS r
    WHERE r.day >= ?
        AND r.day <= date_format(CAST(? AS timestamp) + INTERVAL '1' DAY, '%Y-%m-%d')
        AND r.flow_time >= to_unixtime(CAST(? AS timestamp))
        AND r.flow_time < to_unixtime(CAST(? AS timestamp) + INTERVAL '1' DAY)
        AND r.action = 'ACCEPT'
        AND r.traffic_class = 'cross_az'
        AND r.record_kind IN ('hop', 'reporter not known')
)
SELECT
    r.src_subnet_id,
    r.dst_subnet_id,
    r.src_az_id,
    r.dst_az_id,
    r.src_vpc_id,
    r.dst_vpc_id,
    sum(r.flows) AS flows,
    sum(r.bytes) AS bytes,
    round(sum(r.bytes) / 1e9, 6) AS gigabytes,
    round(sum(r.usd), 6) AS estimated_usd,
    sum(r.uncounted) AS uncounted_bytes
FROM records AS r
GROUP BY r.src_subnet_id, r.dst_subnet_id, r.src_az_id, r.dst_az_id, r.src_vpc_id, r.dst_vpc_id
ORDER BY sum(r.bytes) DESC, r.src_subnet_id, r.dst_subnet_id
