-- title: Rejected traffic
-- question: Who was turned away, at which of our resources and ports, and how often?
-- group: Security
-- parameters:
--   1, 3  first_day  date    2000-01-01  first day (UTC) on which flows started
--   2, 4  last_day   date    2999-12-31  last day (UTC) on which flows started
--   5     top        bigint  50          how many to list
-- columns:
--   place                         1 is the most flows
--   packet_srcaddr, src_name      who sent, and its Name tag where it is ours
--   destination, dst_name         the resource's id, else the interface's, else the address; its Name tag
--   dst_project                   the project, or (untagged), (unresolved), (internet), (aws service)
--   dstport, protocol             what was tried; IANA protocol number
--   reject_reason                 BPA or EC where AWS says so (version 8), else null: a security group or network ACL
--   flows, packets, bytes         rejected records, each flow and interval counted once
--   first_seen, last_seen         Unix seconds of the first and last record's start
-- partitions: day, with a day of slack after the last
WITH attempts AS (
    SELECT
        f.packet_srcaddr,
        f.src_name,
        coalesce(f.dst_resource_id, f.dst_interface_id, f.packet_dstaddr) AS destination,
        f.dst_name,
        f.dst_project_label AS dst_project,
        f.dstport,
        f.protocol,
        f.reject_reason,
        f.packets,
        f.bytes,
        f.flow_time
    FROM flow_costs AS f
    WHERE f.day >= ?
        AND f.day <= date_format(CAST(? AS timestamp) + INTERVAL '1' DAY, '%Y-%m-%d')
        AND f.flow_time >= to_unixtime(CAST(? AS timestamp))
        AND f.flow_time < to_unixtime(CAST(? AS timestamp) + INTERVAL '1' DAY)
        AND f.action = 'REJECT'
),
pairs AS (
    SELECT
        row_number() OVER (
            ORDER BY count(*) DESC, a.packet_srcaddr, a.destination, a.dstport, a.protocol, a.reject_reason
        ) AS place,
        a.packet_srcaddr,
        a.src_name,
        a.destination,
        a.dst_name,
        a.dst_project,
        a.dstport,
        a.protocol,
        a.reject_reason,
        count(*) AS flows,
        sum(a.packets) AS packets,
        sum(a.bytes) AS bytes,
        min(a.flow_time) AS first_seen,
        max(a.flow_time) AS last_seen
    FROM attempts AS a
    GROUP BY
        a.packet_srcaddr, a.src_name, a.destination, a.dst_name, a.dst_project, a.dstport, a.protocol, a.reject_reason
)
SELECT
    p.place,
    p.packet_srcaddr,
    p.src_name,
    p.destination,
    p.dst_name,
    p.dst_project,
    p.dstport,
    p.protocol,
    p.reject_reason,
    p.flows,
    p.packets,
    p.bytes,
    p.first_seen,
    p.last_seen
FROM pairs AS p
WHERE p.place <= ?
ORDER BY p.place
