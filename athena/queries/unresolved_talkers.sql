-- title: Talkers without a project
-- question: Which ends of the traffic have no project, because they are not known or not tagged, and how much do they talk?
-- group: What is not known
-- parameters:
--   1, 3  first_day  date    2000-01-01  first day (UTC) on which flows started
--   2, 4  last_day   date    2999-12-31  last day (UTC) on which flows started
--   5     top        bigint  50          how many to list
-- columns:
--   place                              1 is the most bytes
--   reason                             (untagged): a resource without the tag; (unresolved): not known
--   status                             resolved, subnet, ambiguous, absent, stale, unresolved
--   talker                             the resource's id, else the interface's, else the address
--   resource_type, name                what it is, and its Name tag, where known
--   vpc_id, subnet_id                  where it is, where known
--   flows, sent_bytes, received_bytes  accepted and counted once
-- partitions: day, with a day of slack after the last
WITH sides AS (
    SELECT
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
    WHERE f.day >= ?
        AND f.day <= date_format(CAST(? AS timestamp) + INTERVAL '1' DAY, '%Y-%m-%d')
        AND f.flow_time >= to_unixtime(CAST(? AS timestamp))
        AND f.flow_time < to_unixtime(CAST(? AS timestamp) + INTERVAL '1' DAY)
        AND f.action = 'ACCEPT'
),
placed AS (
    SELECT
        row_number() OVER (ORDER BY sum(s.bytes) DESC, s.talker, s.vpc_id, s.subnet_id, s.status, s.reason) AS place,
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
    GROUP BY s.reason, s.status, s.talker, s.resource_type, s.name, s.vpc_id, s.subnet_id
)
SELECT
    p.place,
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
WHERE p.place <= ?
ORDER BY p.place
