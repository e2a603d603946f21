-- title: Top talking subnets
-- question: Which subnets send and receive the most, and how much of it crosses a zone?
-- group: Who talks to whom
-- parameters:
--   1, 3  first_day  date    2000-01-01  first day (UTC) on which flows started
--   2, 4  last_day   date    2999-12-31  last day (UTC) on which flows started
--   5     top        bigint  50          how many to list
-- columns:
--   place                       1 is the most bytes
--   subnet_id, vpc_id, az_id    the subnet, and where it is
--   sent_bytes, received_bytes  accepted and counted once; within the subnet: both
--   cross_az_bytes              of both, from or to another Availability Zone
--   flows                       each flow and interval counted once a side
-- partitions: day, with a day of slack after the last
WITH sides AS (
    SELECT
        k.side,
        if(k.side = 'src', f.src_subnet_id, f.dst_subnet_id) AS subnet_id,
        if(k.side = 'src', f.src_vpc_id, f.dst_vpc_id) AS vpc_id,
        if(k.side = 'src', f.src_az_id, f.dst_az_id) AS az_id,
        f.traffic_class,
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
        row_number() OVER (ORDER BY sum(s.bytes) DESC, s.subnet_id, s.vpc_id, s.az_id) AS place,
        s.subnet_id,
        s.vpc_id,
        s.az_id,
        sum(if(s.side = 'src', s.bytes, 0)) AS sent_bytes,
        sum(if(s.side = 'dst', s.bytes, 0)) AS received_bytes,
        sum(if(s.traffic_class = 'cross_az', s.bytes, 0)) AS cross_az_bytes,
        count(*) AS flows
    FROM sides AS s
    WHERE s.subnet_id IS NOT NULL
    GROUP BY s.subnet_id, s.vpc_id, s.az_id
)
SELECT
    p.place,
    p.subnet_id,
    p.vpc_id,
    p.az_id,
    p.sent_bytes,
    p.received_bytes,
    p.cross_az_bytes,
    p.flows
FROM placed AS p
WHERE p.place <= ?
ORDER BY p.place
