-- title: Cross-AZ traffic by pair of resources
-- question: Which instances and other resources send most to a resource in another zone?
-- group: Availability Zones
-- parameters:
--   1, 3  first_day  date    2000-01-01  first day (UTC) on which flows started
--   2, 4  last_day   date    2999-12-31  last day (UTC) on which flows started
--   5     top        bigint  50          how many to list
-- columns:
--   place                    1 is the most bytes
--   source, src_name         the resource's id, else the interface's, else the address; its Name tag
--   src_project, src_az_id   its project or why there is none; its Availability Zone ID
--   destination, dst_name    likewise
--   dst_project, dst_az_id   likewise
--   flows, bytes, gigabytes  accepted and counted once; bytes / 1e9
--   estimated_usd            both directions' charge
-- partitions: day, with a day of slack after the last
WITH pairs AS (
    SELECT
        coalesce(f.src_resource_id, f.src_interface_id, f.packet_srcaddr) AS source,
        f.src_name,
        f.src_project_label AS src_project,
        f.src_az_id,
        coalesce(f.dst_resource_id, f.dst_interface_id, f.packet_dstaddr) AS destination,
        f.dst_name,
        f.dst_project_label AS dst_project,
        f.dst_az_id,
        f.bytes,
        f.bytes * f.usd_per_gb / 1e9 AS usd
    FROM flow_costs AS f
    WHERE f.day >= ?
        AND f.day <= date_format(CAST(? AS timestamp) + INTERVAL '1' DAY, '%Y-%m-%d')
        AND f.flow_time >= to_unixtime(CAST(? AS timestamp))
        AND f.flow_time < to_unixtime(CAST(? AS timestamp) + INTERVAL '1' DAY)
        AND f.action = 'ACCEPT'
        AND f.traffic_class = 'cross_az'
),
placed AS (
    SELECT
        row_number() OVER (
            ORDER BY sum(p.bytes) DESC, p.source, p.destination, p.src_az_id, p.dst_az_id
        ) AS place,
        p.source,
        p.src_name,
        p.src_project,
        p.src_az_id,
        p.destination,
        p.dst_name,
        p.dst_project,
        p.dst_az_id,
        count(*) AS flows,
        sum(p.bytes) AS bytes,
        sum(p.usd) AS usd
    FROM pairs AS p
    GROUP BY
        p.source, p.src_name, p.src_project, p.src_az_id, p.destination, p.dst_name, p.dst_project, p.dst_az_id
)
SELECT
    p.place,
    p.source,
    p.src_name,
    p.src_project,
    p.src_az_id,
    p.destination,
    p.dst_name,
    p.dst_project,
    p.dst_az_id,
    p.flows,
    p.bytes,
    round(p.bytes / 1e9, 6) AS gigabytes,
    round(p.usd, 6) AS estimated_usd
FROM placed AS p
WHERE p.place <= ?
ORDER BY p.place
