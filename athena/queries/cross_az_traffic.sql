-- title: Cross-AZ traffic by pair of Availability Zones
-- question: How many bytes went from which zone to which, and what did that cost by list price?
-- parameters:
--   1, 3  first_day  date  2000-01-01  first day (UTC) on which flows started
--   2, 4  last_day   date  2999-12-31  last day (UTC) on which flows started
-- columns:
--   src_az_id, dst_az_id  Availability Zone IDs of source and destination
--   flows                 flow records, each flow and interval counted once
--   packets, bytes        as accepted
--   gigabytes             bytes / 1e9
--   estimated_usd         both directions' charge; free: an application load balancer and targets in its VPC
-- partitions: day, with a day of slack after the last
SELECT
    f.src_az_id,
    f.dst_az_id,
    count(*) AS flows,
    sum(f.packets) AS packets,
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
GROUP BY f.src_az_id, f.dst_az_id
ORDER BY sum(f.bytes) DESC, f.src_az_id, f.dst_az_id
