-- title: Newly seen peers
-- question: Who talked to whom in these days, and never in the days before that the query looks back to?
-- group: Security
-- parameters:
--   1, 3  since_day  date  2000-01-01  first day (UTC) to look back to
--   2, 4  last_day   date  2999-12-31  last day (UTC) on which flows started
--   5     first_day  date  2000-01-01  first day (UTC) of which the new peers are told
-- columns:
--   first_seen                Unix seconds of the first record's start
--   source, src_project       the resource's id, else the interface's, else the address; its project or why there is
--                                 none
--   destination, dst_project  likewise
--   flows, bytes              accepted and counted once, since first_seen
-- partitions: day, with a day of slack after the last
WITH pairs AS (
    SELECT
        min(f.flow_time) AS first_seen,
        coalesce(f.src_resource_id, f.src_interface_id, f.packet_srcaddr) AS source,
        f.src_project_label AS src_project,
        coalesce(f.dst_resource_id, f.dst_interface_id, f.packet_dstaddr) AS destination,
        f.dst_project_label AS dst_project,
        count(*) AS flows,
        sum(f.bytes) AS bytes
    FROM flow_costs AS f
    WHERE f.day >= ?
        AND f.day <= date_format(CAST(? AS timestamp) + INTERVAL '1' DAY, '%Y-%m-%d')
        AND f.flow_time >= to_unixtime(CAST(? AS timestamp))
        AND f.flow_time < to_unixtime(CAST(? AS timestamp) + INTERVAL '1' DAY)
        AND f.action = 'ACCEPT'
    GROUP BY
        coalesce(f.src_resource_id, f.src_interface_id, f.packet_srcaddr),
        f.src_project_label,
        coalesce(f.dst_resource_id, f.dst_interface_id, f.packet_dstaddr),
        f.dst_project_label
)
SELECT
    p.first_seen,
    p.source,
    p.src_project,
    p.destination,
    p.dst_project,
    p.flows,
    p.bytes
FROM pairs AS p
WHERE p.first_seen >= to_unixtime(CAST(? AS timestamp))
ORDER BY p.first_seen, p.source, p.destination, p.src_project, p.dst_project
