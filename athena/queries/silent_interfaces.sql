-- title: Interfaces that record nothing
-- question: Which interfaces did others exchange traffic with, though no record of their own arrived in these days?
-- group: What is not known
-- parameters:
--   1, 3  first_day  date  2000-01-01  first day (UTC) on which flows started
--   2, 4  last_day   date  2999-12-31  last day (UTC) on which flows started
-- columns:
--   interface_id                       network interface that wrote no record, NODATA and SKIPDATA included
--   resource_type, resource_id, name   what is behind it
--   project                            the project, or (untagged)
--   account_id, vpc_id, subnet_id      where it is
--   flows, sent_bytes, received_bytes  as the other ends recorded it, counted once
-- partitions: day, with a day of slack after the last
--
-- An interface that talks to no recorded one is not seen here either. A row that was delivered twice counts twice until
-- its hour is compacted.
WITH records AS (
    SELECT
        r.interface_id,
        r.src_interface_id,
        r.src_resource_type,
        r.src_resource_id,
        r.src_name,
        r.src_project_label,
        r.src_account_id,
        r.src_vpc_id,
        r.src_subnet_id,
        r.dst_interface_id,
        r.dst_resource_type,
        r.dst_resource_id,
        r.dst_name,
        r.dst_project_label,
        r.dst_account_id,
        r.dst_vpc_id,
        r.dst_subnet_id,
        r.reporter,
        r.bytes
    FROM flow_rows AS r
    WHERE r.day >= ?
        AND r.day <= date_format(CAST(? AS timestamp) + INTERVAL '1' DAY, '%Y-%m-%d')
        AND r.flow_time >= to_unixtime(CAST(? AS timestamp))
        AND r.flow_time < to_unixtime(CAST(? AS timestamp) + INTERVAL '1' DAY)
),
-- Of a record by one end the other end is asked after: who records is not silent.
peers AS (
    SELECT
        if(r.reporter = 'src', r.dst_interface_id, r.src_interface_id) AS interface_id,
        if(r.reporter = 'src', r.dst_resource_type, r.src_resource_type) AS resource_type,
        if(r.reporter = 'src', r.dst_resource_id, r.src_resource_id) AS resource_id,
        if(r.reporter = 'src', r.dst_name, r.src_name) AS name,
        if(r.reporter = 'src', r.dst_project_label, r.src_project_label) AS project,
        if(r.reporter = 'src', r.dst_account_id, r.src_account_id) AS account_id,
        if(r.reporter = 'src', r.dst_vpc_id, r.src_vpc_id) AS vpc_id,
        if(r.reporter = 'src', r.dst_subnet_id, r.src_subnet_id) AS subnet_id,
        if(r.reporter = 'src', 0, coalesce(r.bytes, 0)) AS sent,
        if(r.reporter = 'src', coalesce(r.bytes, 0), 0) AS received
    FROM records AS r
    WHERE r.reporter IN ('src', 'dst')
),
recorders AS (
    SELECT DISTINCT r.interface_id
    FROM records AS r
    WHERE r.interface_id IS NOT NULL
)
SELECT
    p.interface_id,
    p.resource_type,
    p.resource_id,
    p.name,
    p.project,
    p.account_id,
    p.vpc_id,
    p.subnet_id,
    count(*) AS flows,
    sum(p.sent) AS sent_bytes,
    sum(p.received) AS received_bytes
FROM peers AS p
LEFT JOIN recorders AS r ON r.interface_id = p.interface_id
WHERE p.interface_id IS NOT NULL
    AND r.interface_id IS NULL
GROUP BY
    p.interface_id, p.resource_type, p.resource_id, p.name, p.project, p.account_id, p.vpc_id, p.subnet_id
ORDER BY sum(p.sent) + sum(p.received) DESC, p.interface_id
