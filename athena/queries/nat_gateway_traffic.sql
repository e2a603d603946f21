-- title: Traffic through NAT gateways by project
-- question: Who uses which NAT gateway, how much of it from another zone, and what did that cost by list price?
-- group: Cost
-- parameters:
--   1, 3  first_day  date  2000-01-01  first day (UTC) on which flows started
--   2, 4  last_day   date  2999-12-31  last day (UTC) on which flows started
-- columns:
--   nat_gateway                 the gateway's id, where known
--   project                     whose resource is behind it: the project, or (untagged), (unresolved)
--   sent_bytes, received_bytes  metered: from the client into the gateway, and back to the client
--   cross_az_bytes              of both, between a client and a gateway in another zone
--   estimated_gateway_usd       the gateway's charge for the bytes, not for its hours
--   estimated_cross_az_usd      both directions' charge of cross_az_bytes
--   estimated_usd               both; what goes on to the internet is in internet_traffic
--   unmetered_bytes             the gateway's records of the other side of the same bytes, or of sides that are not
--                                   known
-- partitions: day, with a day of slack after the last
WITH legs AS (
    SELECT
        h.reporter_resource_id AS nat_gateway,
        CASE
            WHEN h.gateway_leg = 'to' THEN h.src_project_label
            WHEN h.gateway_leg = 'from' THEN h.dst_project_label
            ELSE '(unresolved)'
        END AS project,
        h.kind,
        h.cause,
        coalesce(h.gateway_leg, 'other') AS leg,
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
)
SELECT
    l.nat_gateway,
    l.project,
    sum(if(l.kind = 'gateway' AND l.leg = 'to', l.bytes, 0)) AS sent_bytes,
    sum(if(l.kind = 'gateway' AND l.leg = 'from', l.bytes, 0)) AS received_bytes,
    sum(if(l.cause = 'cross_az_nat', l.bytes, 0)) AS cross_az_bytes,
    round(sum(if(l.kind = 'gateway', l.estimated_usd, 0e0)), 6) AS estimated_gateway_usd,
    round(sum(if(l.cause = 'cross_az_nat', l.estimated_usd, 0e0)), 6) AS estimated_cross_az_usd,
    round(sum(coalesce(l.estimated_usd, 0e0)), 6) AS estimated_usd,
    sum(if(l.leg = 'other', l.bytes, 0)) AS unmetered_bytes
FROM legs AS l
GROUP BY l.nat_gateway, l.project
ORDER BY sum(coalesce(l.estimated_usd, 0e0)) DESC, l.nat_gateway, l.project
