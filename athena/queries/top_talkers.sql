-- title: Top talkers
-- question: Which of our resources, or whom outside, do the most bytes come from, and how much of it crosses a zone?
-- group: Who talks to whom
-- parameters:
--   1, 3  first_day  date    2000-01-01  first day (UTC) on which flows started
--   2, 4  last_day   date    2999-12-31  last day (UTC) on which flows started
--   5     top        bigint  20          how many to list
-- columns:
--   place                        1 is the most bytes
--   src_resource_type, src_name  what the source is and its Name tag, where known
--   source                       the resource's id, else the interface's, else the address
--   src_vpc_id, src_az_id        where it is
--   src_project                  the project, or (untagged), (unresolved), (internet), (aws service)
--   flows, bytes, gigabytes      accepted and counted once; bytes / 1e9
--   cross_az_gigabytes           of these, to another Availability Zone
--   estimated_usd                all charges, both sides'; null where none of it can be estimated
-- partitions: day, with a day of slack after the last
WITH sources AS (
    SELECT
        coalesce(f.src_resource_id, f.src_interface_id, f.packet_srcaddr) AS source,
        f.src_resource_type,
        f.src_name,
        f.src_vpc_id,
        f.src_az_id,
        f.src_project_label AS src_project,
        f.bytes,
        CASE WHEN f.traffic_class = 'cross_az' THEN f.bytes ELSE 0 END AS cross_az_bytes,
        f.bytes * f.usd_per_gb / 1e9 AS usd
    FROM flow_costs AS f
    WHERE f.day >= ?
        AND f.day <= date_format(CAST(? AS timestamp) + INTERVAL '1' DAY, '%Y-%m-%d')
        AND f.flow_time >= to_unixtime(CAST(? AS timestamp))
        AND f.flow_time < to_unixtime(CAST(? AS timestamp) + INTERVAL '1' DAY)
        AND f.action = 'ACCEPT'
),
talkers AS (
    SELECT
        row_number() OVER (ORDER BY sum(s.bytes) DESC, s.source, s.src_vpc_id, s.src_az_id) AS place,
        s.src_resource_type,
        s.src_name,
        s.source,
        s.src_vpc_id,
        s.src_az_id,
        s.src_project,
        count(*) AS flows,
        sum(s.bytes) AS bytes,
        sum(s.cross_az_bytes) AS cross_az_bytes,
        sum(s.usd) AS usd
    FROM sources AS s
    GROUP BY s.src_resource_type, s.src_name, s.source, s.src_vpc_id, s.src_az_id, s.src_project
)
SELECT
    t.place,
    t.src_resource_type,
    t.src_name,
    t.source,
    t.src_vpc_id,
    t.src_az_id,
    t.src_project,
    t.flows,
    t.bytes,
    round(t.bytes / 1e9, 6) AS gigabytes,
    round(t.cross_az_bytes / 1e9, 6) AS cross_az_gigabytes,
    round(t.usd, 6) AS estimated_usd
FROM talkers AS t
WHERE t.place <= ?
ORDER BY t.place
