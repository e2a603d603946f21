-- title: Traffic of one address
-- question: What went to and from this address, between whom, on which ports?
-- group: Who talks to whom
-- parameters:
--   1, 3  first_day  date     2000-01-01  first day (UTC) on which flows started
--   2, 4  last_day   date     2999-12-31  last day (UTC) on which flows started
--   5     address    varchar  10.0.0.1    the endpoint's address, as in the packet
-- columns:
--   direction              from or to the address
--   peer, peer_project     the other end: the resource's id, else the interface's, else the address; its project or
--                              why there is none
--   dstport, protocol      the destination's port; IANA protocol number
--   action, traffic_class  as in the records
--   flows, packets, bytes  each flow and interval counted once
--   first_seen, last_seen  Unix seconds of the first and last record's start
-- partitions: day, with a day of slack after the last
WITH records AS (
    SELECT
        k.direction,
        if(k.direction = 'from', f.packet_srcaddr, f.packet_dstaddr) AS address,
        if(
            k.direction = 'from',
            coalesce(f.dst_resource_id, f.dst_interface_id, f.packet_dstaddr),
            coalesce(f.src_resource_id, f.src_interface_id, f.packet_srcaddr)
        ) AS peer,
        if(k.direction = 'from', f.dst_project_label, f.src_project_label) AS peer_project,
        f.dstport,
        f.protocol,
        f.action,
        f.traffic_class,
        f.packets,
        f.bytes,
        f.flow_time
    FROM flow_costs AS f
    CROSS JOIN (VALUES ('from'), ('to')) AS k (direction)
    WHERE f.day >= ?
        AND f.day <= date_format(CAST(? AS timestamp) + INTERVAL '1' DAY, '%Y-%m-%d')
        AND f.flow_time >= to_unixtime(CAST(? AS timestamp))
        AND f.flow_time < to_unixtime(CAST(? AS timestamp) + INTERVAL '1' DAY)
)
SELECT
    r.direction,
    r.peer,
    r.peer_project,
    r.dstport,
    r.protocol,
    r.action,
    r.traffic_class,
    count(*) AS flows,
    sum(r.packets) AS packets,
    sum(r.bytes) AS bytes,
    min(r.flow_time) AS first_seen,
    max(r.flow_time) AS last_seen
FROM records AS r
WHERE r.address = ?
GROUP BY r.direction, r.peer, r.peer_project, r.dstport, r.protocol, r.action, r.traffic_class
ORDER BY sum(r.bytes) DESC, r.direction, r.peer, r.dstport, r.protocol, r.action
