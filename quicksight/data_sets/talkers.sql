-- title: Talkers
-- question: Which sources sent most on each day, in each project?
-- columns:
--   arrival_day                   the partition's day; what SPICE reads again goes by it
--   flow_day                      day on which the flows started
--   source                        the resource's id, else the interface's, else the address
--   resource_type, name           what it is, and its Name tag, where known
--   vpc_id, az_id, src_project    where it is, and whose
--   flows, bytes, crossing_bytes  accepted and counted once; of these, to another Availability Zone
--   estimated_usd                 all charges, both sides'; null where none of it can be estimated
-- partitions: day, from FirstDay; the refresh adds arrival_day, which follows from the partition column alone
--
-- Of each arrival day, day and project the 200 sources with most bytes: rows a day are bounded by projects, not by
-- addresses. What a source sent on a day on which it was not among them is missing from its sum.
WITH sources AS (
    SELECT
        f.day,
        date_trunc('day', CAST(from_unixtime(f.flow_time) AS timestamp)) AS flow_day,
        coalesce(f.src_resource_id, f.src_interface_id, f.packet_srcaddr) AS source,
        f.src_resource_type,
        f.src_name,
        f.src_vpc_id,
        f.src_az_id,
        f.src_project_label,
        f.bytes,
        CASE WHEN f.traffic_class = 'cross_az' THEN f.bytes ELSE 0 END AS crossing_bytes,
        f.bytes * f.usd_per_gb / 1e9 AS usd
    FROM flow_costs AS f
    WHERE f.day >= '${FirstDay}'
        AND f.action = 'ACCEPT'
),
placed AS (
    SELECT
        row_number() OVER (
            PARTITION BY s.day, s.flow_day, s.src_project_label
            ORDER BY sum(s.bytes) DESC, s.source, s.src_vpc_id, s.src_az_id
        ) AS place,
        s.day,
        s.flow_day,
        s.source,
        s.src_resource_type,
        s.src_name,
        s.src_vpc_id,
        s.src_az_id,
        s.src_project_label,
        count(*) AS flows,
        sum(s.bytes) AS bytes,
        sum(s.crossing_bytes) AS crossing_bytes,
        sum(s.usd) AS estimated_usd
    FROM sources AS s
    GROUP BY
        s.day, s.flow_day, s.source, s.src_resource_type, s.src_name, s.src_vpc_id, s.src_az_id, s.src_project_label
)
SELECT
    CAST(p.day || ' 00:00:00' AS timestamp) AS arrival_day,
    p.flow_day,
    p.source,
    p.src_resource_type AS resource_type,
    p.src_name AS name,
    p.src_vpc_id AS vpc_id,
    p.src_az_id AS az_id,
    p.src_project_label AS src_project,
    p.flows,
    p.bytes,
    p.crossing_bytes,
    p.estimated_usd
FROM placed AS p
WHERE p.place <= 200
