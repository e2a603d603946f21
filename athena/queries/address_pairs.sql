-- title: Bytes between pairs of addresses
-- question: Between which addresses did most bytes go, in the packets and on the hop that was recorded?
-- group: Who talks to whom
-- parameters:
--   1, 3  first_day  date    2000-01-01  first day (UTC) on which flows started
--   2, 4  last_day   date    2999-12-31  last day (UTC) on which flows started
--   5     top        bigint  50          how many to list
-- columns:
--   place                           1 is the most bytes
--   packet_srcaddr, packet_dstaddr  the endpoints' addresses
--   srcaddr, dstaddr                those of the recorded hop: a gateway's in between, the interface's first private
--                                       one
--   src_project, dst_project        the project, or (untagged), (unresolved), (internet), (aws service)
--   flows, packets, bytes           accepted and counted once
-- partitions: day, with a day of slack after the last
WITH pairs AS (
    SELECT
        row_number() OVER (
            ORDER BY sum(f.bytes) DESC, f.packet_srcaddr, f.packet_dstaddr, f.srcaddr, f.dstaddr,
                f.src_project_label, f.dst_project_label
        ) AS place,
        f.packet_srcaddr,
        f.packet_dstaddr,
        f.srcaddr,
        f.dstaddr,
        f.src_project_label AS src_project,
        f.dst_project_label AS dst_project,
        count(*) AS flows,
        sum(f.packets) AS packets,
        sum(f.bytes) AS bytes
    FROM flow_costs AS f
    WHERE f.day >= ?
        AND f.day <= date_format(CAST(? AS timestamp) + INTERVAL '1' DAY, '%Y-%m-%d')
        AND f.flow_time >= to_unixtime(CAST(? AS timestamp))
        AND f.flow_time < to_unixtime(CAST(? AS timestamp) + INTERVAL '1' DAY)
        AND f.action = 'ACCEPT'
    GROUP BY f.packet_srcaddr, f.packet_dstaddr, f.srcaddr, f.dstaddr, f.src_project_label, f.dst_project_label
)
SELECT
    p.place,
    p.packet_srcaddr,
    p.packet_dstaddr,
    p.srcaddr,
    p.dstaddr,
    p.src_project,
    p.dst_project,
    p.flows,
    p.packets,
    p.bytes
FROM pairs AS p
WHERE p.place <= ?
ORDER BY p.place
