-- title: Traffic by hour and class
-- question: How much of which class of traffic was there in each hour?
-- group: Who talks to whom
-- parameters:
--   1, 3  first_day  date  2000-01-01  first day (UTC) on which flows started
--   2, 4  last_day   date  2999-12-31  last day (UTC) on which flows started
-- columns:
--   hour_utc               hour in which the flows started, YYYY-MM-DD HH:00
--   traffic_class          same_az, cross_az, cross_region, internet, aws_service, private_unknown, unknown
--   action                 ACCEPT or REJECT
--   flows, packets, bytes  each flow and interval counted once
--   uncounted_bytes        of records that fit as well but never count: gateways in between, or the reporter is not
--                              known
-- partitions: day, with a day of slack after the last
SELECT
    date_format(from_unixtime(h.flow_hour), '%Y-%m-%d %H:00') AS hour_utc,
    h.traffic_class,
    h.action,
    sum(if(h.counts_as = 'counted', h.flows, 0)) AS flows,
    sum(if(h.counts_as = 'counted', h.packets, 0)) AS packets,
    sum(if(h.counts_as = 'counted', h.bytes, 0)) AS bytes,
    sum(if(h.counts_as = 'counted', 0, h.bytes)) AS uncounted_bytes
FROM flows_hourly AS h
WHERE h.day >= ?
    AND h.day <= date_format(CAST(? AS timestamp) + INTERVAL '1' DAY, '%Y-%m-%d')
    AND h.flow_hour >= to_unixtime(CAST(? AS timestamp))
    AND h.flow_hour < to_unixtime(CAST(? AS timestamp) + INTERVAL '1' DAY)
    AND h.counts_as IN ('counted', 'hop', 'reporter not known')
GROUP BY h.flow_hour, h.traffic_class, h.action
ORDER BY h.flow_hour, h.traffic_class, h.action
