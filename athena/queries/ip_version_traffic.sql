-- title: Traffic by IP version
-- question: How much traffic is IPv4 and how much IPv6, by class and action?
-- group: Who talks to whom
-- parameters:
--   1, 3, 5, 7  first_day  date  2000-01-01  first day (UTC) on which flows started
--   2, 4, 6, 8  last_day   date  2999-12-31  last day (UTC) on which flows started
-- columns:
--   ip_version             IPv4 or IPv6, of the packets' addresses
--   traffic_class          same_az, cross_az, cross_region, internet, aws_service, private_unknown, unknown
--   action                 ACCEPT or REJECT
--   flows, packets, bytes  each flow and interval counted once
--   uncounted_bytes        of records that fit as well but never count: gateways in between, or the reporter is not
--                              known
-- partitions: day, with a day of slack after the last
WITH records AS (
    SELECT
        if(strpos(f.packet_srcaddr, ':') > 0, 'IPv6', 'IPv4') AS ip_version,
        f.traffic_class,
        f.action,
        1 AS flows,
        f.packets,
        f.bytes,
        0 AS uncounted
    FROM flows_once AS f
    WHERE f.day >= ?
        AND f.day <= date_format(CAST(? AS timestamp) + INTERVAL '1' DAY, '%Y-%m-%d')
        AND f.flow_time >= to_unixtime(CAST(? AS timestamp))
        AND f.flow_time < to_unixtime(CAST(? AS timestamp) + INTERVAL '1' DAY)
    UNION ALL
    SELECT
        if(strpos(r.packet_srcaddr, ':') > 0, 'IPv6', 'IPv4') AS ip_version,
        r.traffic_class,
        r.action,
        0 AS flows,
        0 AS packets,
        0 AS bytes,
        r.bytes AS uncounted
    FROM flow_rows AS r
    WHERE r.day >= ?
        AND r.day <= date_format(CAST(? AS timestamp) + INTERVAL '1' DAY, '%Y-%m-%d')
        AND r.flow_time >= to_unixtime(CAST(? AS timestamp))
        AND r.flow_time < to_unixtime(CAST(? AS timestamp) + INTERVAL '1' DAY)
        AND r.record_kind IN ('hop', 'reporter not known')
        AND r.packet_srcaddr IS NOT NULL
)
SELECT
    r.ip_version,
    r.traffic_class,
    r.action,
    sum(r.flows) AS flows,
    sum(r.packets) AS packets,
    sum(r.bytes) AS bytes,
    sum(r.uncounted) AS uncounted_bytes
FROM records AS r
GROUP BY r.ip_version, r.traffic_class, r.action
ORDER BY r.ip_version, r.traffic_class, r.action
