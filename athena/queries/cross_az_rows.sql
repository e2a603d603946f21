-- title: Cross-AZ traffic from compacted rows
-- question: What does cross_az_traffic say if it is asked of the rows themselves, where hours are compacted?
-- group: Availability Zones
-- parameters:
--   1, 3  first_day  date  2000-01-01  first day (UTC) on which flows started
--   2, 4  last_day   date  2999-12-31  last day (UTC) on which flows started
-- columns:
--   src_az_id, dst_az_id   Availability Zone IDs of source and destination
--   flows, packets, bytes  as accepted, each flow and interval counted once; hours not yet compacted are left out
-- partitions: day, with a day of slack after the last
SELECT
    l.src_az_id,
    l.dst_az_id,
    count(*) AS flows,
    sum(l.packets) AS packets,
    sum(l.bytes) AS bytes
FROM flow_logs AS l
WHERE l.day >= ?
    AND l.day <= date_format(CAST(? AS timestamp) + INTERVAL '1' DAY, '%Y-%m-%d')
    AND l."start" >= to_unixtime(CAST(? AS timestamp))
    AND l."start" < to_unixtime(CAST(? AS timestamp) + INTERVAL '1' DAY)
    AND l.action = 'ACCEPT'
    AND l.traffic_class = 'cross_az'
    AND l.counts_as = 'counted'
GROUP BY l.src_az_id, l.dst_az_id
ORDER BY sum(l.bytes) DESC, l.src_az_id, l.dst_az_id
