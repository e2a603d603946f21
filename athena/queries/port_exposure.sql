-- title: Ports that the internet reaches
-- question: On which ports of which of our resources were connections accepted from the internet?
-- group: Security
-- parameters:
--   1, 3  first_day  date  2000-01-01  first day (UTC) on which flows started
--   2, 4  last_day   date  2999-12-31  last day (UTC) on which flows started
-- columns:
--   destination, dst_resource_type, dst_name  the resource's id, else the interface's, else the address; what it is;
--                                                 its Name tag
--   dst_project                               the project, or (untagged), (unresolved)
--   dstport, protocol                         the port, and the IANA protocol number
--   sources                                   how many addresses outside
--   opened                                    records that show TCP connections opened from outside; null where the
--                                                 log format has no tcp-flags
--   flows, bytes                              accepted, from outside, each flow and interval counted once
-- partitions: day, with a day of slack after the last
--
-- Answers come in from outside too, to the port that our side chose. They are told apart by tcp-flags; without them,
-- and for other protocols than TCP, ports from 32768 up are taken for chosen ones and left out.
WITH arrived AS (
    SELECT
        coalesce(f.dst_resource_id, f.dst_interface_id, f.packet_dstaddr) AS destination,
        f.dst_resource_type,
        f.dst_name,
        f.dst_project_label AS dst_project,
        f.dstport,
        f.protocol,
        f.packet_srcaddr,
        -- SYN without ACK: the connection's first packet came in.
        if(bitwise_and(f.tcp_flags, 18) = 2, 1, if(f.tcp_flags IS NOT NULL, 0)) AS opened,
        f.bytes
    FROM flow_costs AS f
    WHERE f.day >= ?
        AND f.day <= date_format(CAST(? AS timestamp) + INTERVAL '1' DAY, '%Y-%m-%d')
        AND f.flow_time >= to_unixtime(CAST(? AS timestamp))
        AND f.flow_time < to_unixtime(CAST(? AS timestamp) + INTERVAL '1' DAY)
        AND f.action = 'ACCEPT'
        AND f.traffic_class IN ('internet', 'aws_service')
        AND f.dst_project_label NOT IN ('(internet)', '(aws service)')
),
ports AS (
    SELECT
        a.destination,
        a.dst_resource_type,
        a.dst_name,
        a.dst_project,
        a.dstport,
        a.protocol,
        count(DISTINCT a.packet_srcaddr) AS sources,
        sum(if(a.protocol = 6, a.opened)) AS opened,
        count(*) AS flows,
        sum(a.bytes) AS bytes
    FROM arrived AS a
    GROUP BY a.destination, a.dst_resource_type, a.dst_name, a.dst_project, a.dstport, a.protocol
)
SELECT
    p.destination,
    p.dst_resource_type,
    p.dst_name,
    p.dst_project,
    p.dstport,
    p.protocol,
    p.sources,
    p.opened,
    p.flows,
    p.bytes
FROM ports AS p
WHERE p.opened > 0
    OR (p.opened IS NULL AND coalesce(p.dstport, 0) < 32768)
ORDER BY p.sources DESC, p.destination, p.dstport, p.protocol
