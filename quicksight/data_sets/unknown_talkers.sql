-- title: Talkers without a project
-- question: Which ends of the traffic had no project on each day, because they are not known or not tagged?
-- columns:
--   arrival_day                        the partition's day; what SPICE reads again goes by it
--   flow_day                           day on which the flows started
--   reason                             (untagged): a resource without the tag; (unresolved): not known
--   status                             resolved, subnet, ambiguous, absent, stale, unresolved
--   talker                             the resource's id, else the interface's, else the address
--   resource_type, name                what it is, and its Name tag, where known
--   vpc_id, subnet_id                  where it is, where known
--   flows, sent_bytes, received_bytes  accepted and counted once
-- partitions: day, from FirstDay; the refresh adds arrival_day, which follows from the partition column alone
--
-- Of each arrival day, day and reason the 1,000 with most bytes, so that rows a day are bounded.
WITH sides AS (
    SELECT
        f.day,
        date_trunc('day', CAST(from_unixtime(f.flow_time) AS timestamp)) AS flow_day,
        k.side,
        if(k.side = 'src', f.src_project_label, f.dst_project_label) AS reason,
        if(k.side = 'src', f.src_status, f.dst_status) AS status,
        if(
            k.side = 'src',
            coalesce(f.src_resource_id, f.src_interface_id, f.packet_srcaddr),
            coalesce(f.dst_resource_id, f.dst_interface_id, f.packet_dstaddr)
        ) AS talker,
        if(k.side = 'src', f.src_resource_type, f.dst_resource_type) AS resource_type,
        if(k.side = 'src', f.src_name, f.dst_name) AS name,
        if(k.side = 'src', f.src_vpc_id, f.dst_vpc_id) AS vpc_id,
        if(k.side = 'src', f.src_subnet_id, f.dst_subnet_id) AS subnet_id,
        f.bytes
    FROM flow_costs AS f
    CROSS JOIN (VALUES ('src'), ('dst')) AS k (side)
    WHERE f.day >= '${FirstDay}'
        AND f.action = 'ACCEPT'
),
placed AS (
    SELECT
        row_number() OVER (
            PARTITION BY s.day, s.flow_day, s.reason
            ORDER BY sum(s.bytes) DESC, s.talker, s.vpc_id, s.subnet_id, s.status
        ) AS place,
        s.day,
        s.flow_day,
        s.reason,
        s.status,
        s.talker,
        s.resource_type,
        s.name,
        s.vpc_id,
        s.subnet_id,
        count(*) AS flows,
        sum(if(s.side = 'src', s.bytes, 0)) AS sent_bytes,
        sum(if(s.side = 'dst', s.bytes, 0)) AS received_bytes
    FROM sides AS s
    WHERE s.reason IN ('(untagged)', '(unresolved)')
    GROUP BY s.day, s.flow_day, s.reason, s.status, s.talker, s.resource_type, s.name, s.vpc_id, s.subnet_id
)
SELECT
    CAST(p.day || ' 00:00:00' AS timestamp) AS arrival_day,
    p.flow_day,
    p.reason,
    p.status,
    p.talker,
    p.resource_type,
    p.name,
    p.vpc_id,
    p.subnet_id,
    p.flows,
    p.sent_bytes,
    p.received_bytes
FROM placed AS p
WHERE p.place <= 1000
