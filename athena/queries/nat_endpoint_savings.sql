-- title: What a gateway endpoint could carry instead of a NAT gateway
-- question: Which projects reach S3 and DynamoDB through a NAT gateway, and what would a free gateway endpoint save by list price?
-- group: Cost
-- parameters:
--   1, 3  first_day  date  2000-01-01  first day (UTC) on which flows started
--   2, 4  last_day   date  2999-12-31  last day (UTC) on which flows started
-- columns:
--   project                     whose resource is behind the gateway: the project, or (untagged), (unresolved)
--   aws_service                 S3 or DYNAMODB: the services that have gateway endpoints
--   nat_gateway                 the gateway's id, where known
--   sent_bytes, received_bytes  metered: from the client into the gateway, and back to the client
--   estimated_usd               the gateway's charge for the bytes, and the way to it in another zone: what a gateway
--                                   endpoint saves
--   unnamed_bytes               beside it, of the same project and gateway: metered bytes whose service the records
--                                   do not name
-- partitions: day, with a day of slack after the last
WITH legs AS (
    SELECT
        if(h.gateway_leg = 'to', h.src_project_label, h.dst_project_label) AS project,
        h.reporter_resource_id AS nat_gateway,
        h.aws_service,
        h.kind,
        h.gateway_leg,
        h.bytes,
        h.estimated_usd
    FROM hourly_costs AS h
    WHERE h.day >= ?
        AND h.day <= date_format(CAST(? AS timestamp) + INTERVAL '1' DAY, '%Y-%m-%d')
        AND h.flow_hour >= to_unixtime(CAST(? AS timestamp))
        AND h.flow_hour < to_unixtime(CAST(? AS timestamp) + INTERVAL '1' DAY)
        AND coalesce(h.action, 'ACCEPT') = 'ACCEPT'
        AND h.counts_as = 'hop'
        AND h.reporter_resource_type = 'nat_gateway'
        AND h.gateway_leg IS NOT NULL
),
named AS (
    SELECT
        l.*,
        sum(if(l.kind = 'gateway' AND l.aws_service IS NULL, l.bytes, 0))
            OVER (PARTITION BY l.project, l.nat_gateway) AS unnamed_bytes
    FROM legs AS l
)
SELECT
    n.project,
    n.aws_service,
    n.nat_gateway,
    sum(if(n.kind = 'gateway' AND n.gateway_leg = 'to', n.bytes, 0)) AS sent_bytes,
    sum(if(n.kind = 'gateway' AND n.gateway_leg = 'from', n.bytes, 0)) AS received_bytes,
    round(sum(coalesce(n.estimated_usd, 0e0)), 6) AS estimated_usd,
    max(n.unnamed_bytes) AS unnamed_bytes
FROM named AS n
WHERE n.aws_service IN ('S3', 'DYNAMODB')
GROUP BY n.project, n.aws_service, n.nat_gateway
ORDER BY sum(coalesce(n.estimated_usd, 0e0)) DESC, n.project, n.aws_service, n.nat_gateway
