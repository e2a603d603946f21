-- title: Candidates for AZ affinity
-- question: Where does a project cross zones to one of its own resources, though one of that name stands in the sender's zone?
-- group: Availability Zones
-- parameters:
--   1, 3  first_day  date  2000-01-01  first day (UTC) on which flows started
--   2, 4  last_day   date  2999-12-31  last day (UTC) on which flows started
-- columns:
--   project                  of both ends
--   src_name, src_az_id      Name tag and Availability Zone ID of the sender
--   dst_name, dst_az_id      of the receiver
--   twins_in_src_az          resources of the project with the receiver's Name tag that were seen in the sender's
--                                zone
--   flows, bytes, gigabytes  accepted and counted once; bytes / 1e9
--   estimated_usd            both directions' charge: what staying in the zone saves at most
-- partitions: day, with a day of slack after the last
WITH flows AS (
    SELECT
        f.src_project,
        f.src_name,
        f.src_az_id,
        coalesce(f.src_resource_id, f.src_interface_id) AS source,
        f.dst_project,
        f.dst_name,
        f.dst_az_id,
        coalesce(f.dst_resource_id, f.dst_interface_id) AS destination,
        f.traffic_class,
        f.bytes,
        f.bytes * f.usd_per_gb / 1e9 AS usd
    FROM flow_costs AS f
    WHERE f.day >= ?
        AND f.day <= date_format(CAST(? AS timestamp) + INTERVAL '1' DAY, '%Y-%m-%d')
        AND f.flow_time >= to_unixtime(CAST(? AS timestamp))
        AND f.flow_time < to_unixtime(CAST(? AS timestamp) + INTERVAL '1' DAY)
        AND f.action = 'ACCEPT'
),
standing AS (
    SELECT
        if(k.side = 'src', f.src_project, f.dst_project) AS project,
        if(k.side = 'src', f.src_name, f.dst_name) AS name,
        if(k.side = 'src', f.src_az_id, f.dst_az_id) AS az_id,
        count(DISTINCT if(k.side = 'src', f.source, f.destination)) AS resources
    FROM flows AS f
    CROSS JOIN (VALUES ('src'), ('dst')) AS k (side)
    GROUP BY
        if(k.side = 'src', f.src_project, f.dst_project),
        if(k.side = 'src', f.src_name, f.dst_name),
        if(k.side = 'src', f.src_az_id, f.dst_az_id)
)
SELECT
    f.src_project AS project,
    f.src_name,
    f.src_az_id,
    f.dst_name,
    f.dst_az_id,
    s.resources AS twins_in_src_az,
    count(*) AS flows,
    sum(f.bytes) AS bytes,
    round(sum(f.bytes) / 1e9, 6) AS gigabytes,
    round(sum(f.usd), 6) AS estimated_usd
FROM flows AS f
INNER JOIN standing AS s
    ON s.project = f.src_project
    AND s.name = f.dst_name
    AND s.az_id = f.src_az_id
WHERE f.traffic_class = 'cross_az'
    AND f.src_project = f.dst_project
    AND s.resources > 0
GROUP BY f.src_project, f.src_name, f.src_az_id, f.dst_name, f.dst_az_id, s.resources
ORDER BY sum(f.bytes) DESC, f.src_project, f.src_name, f.src_az_id, f.dst_name, f.dst_az_id
