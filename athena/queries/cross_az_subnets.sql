-- title: Cross-AZ traffic by pair of subnets
-- question: Between which subnets does traffic cross zones, and what did that cost by list price?
-- parameters:
--   1, 3  first_day  date  2000-01-01  first day (UTC) on which flows started
--   2, 4  last_day   date  2999-12-31  last day (UTC) on which flows started
-- columns:
--   src_subnet_id, dst_subnet_id  where the ends are; null where not known
--   src_az_id, dst_az_id          their Availability Zone IDs
--   src_vpc_id, dst_vpc_id        their VPCs
--   flows, bytes                  accepted, each flow and interval counted once
--   gigabytes                     bytes / 1e9
--   estimated_usd                 both directions' charge
-- partitions: day, with a day of slack after the last
SELECT
    f.src_subnet_id,
    f.dst_subnet_id,
    f.src_az_id,
    f.dst_az_id,
    f.src_vpc_id,
    f.dst_vpc_id,
    count(*) AS flows,
    sum(f.bytes) AS bytes,
    round(sum(f.bytes) / 1e9, 6) AS gigabytes,
    round(sum(f.bytes * f.usd_per_gb) / 1e9, 6) AS estimated_usd
FROM flow_costs AS f
WHERE f.day >= ?
    AND f.day <= date_format(CAST(? AS timestamp) + INTERVAL '1' DAY, '%Y-%m-%d')
    AND f.flow_time >= to_unixtime(CAST(? AS timestamp))
    AND f.flow_time < to_unixtime(CAST(? AS timestamp) + INTERVAL '1' DAY)
    AND f.action = 'ACCEPT'
    AND f.traffic_class = 'cross_az'
GROUP BY f.src_subnet_id, f.dst_subnet_id, f.src_az_id, f.dst_az_id, f.src_vpc_id, f.dst_vpc_id
ORDER BY sum(f.bytes) DESC, f.src_subnet_id, f.dst_subnet_id
