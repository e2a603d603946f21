-- title: Traffic by IP version
-- question: How much traffic is IPv4 and how much IPv6, by class and action?
-- parameters:
--   1, 3  first_day  date  2000-01-01  first day (UTC) on which flows started
--   2, 4  last_day   date  2999-12-31  last day (UTC) on which flows started
-- columns:
--   ip_version             IPv4 or IPv6, of the packets' addresses
--   traffic_class          same_az, cross_az, cross_region, internet, aws_service, private_unknown, unknown
--   action                 ACCEPT or REJECT
--   flows, packets, bytes  each flow and interval counted once
-- partitions: day, with a day of slack after the last
SELECT
    if(strpos(f.packet_srcaddr, ':') > 0, 'IPv6', 'IPv4') AS ip_version,
    f.traffic_class,
    f.action,
    count(*) AS flows,
    sum(f.packets) AS packets,
    sum(f.bytes) AS bytes
FROM flow_costs AS f
WHERE f.day >= ?
    AND f.day <= date_format(CAST(? AS timestamp) + INTERVAL '1' DAY, '%Y-%m-%d')
    AND f.flow_time >= to_unixtime(CAST(? AS timestamp))
    AND f.flow_time < to_unixtime(CAST(? AS timestamp) + INTERVAL '1' DAY)
GROUP BY if(strpos(f.packet_srcaddr, ':') > 0, 'IPv6', 'IPv4'), f.traffic_class, f.action
ORDER BY if(strpos(f.packet_srcaddr, ':') > 0, 'IPv6', 'IPv4'), f.traffic_class, f.action
