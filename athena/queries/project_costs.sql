-- title: Estimated cost by project
-- question: What does each project's traffic cost by list price, if both ends share what both are charged for?
-- group: Cost
-- parameters:
--   1, 3  first_day  date  2000-01-01  first day (UTC) on which flows started
--   2, 4  last_day   date  2999-12-31  last day (UTC) on which flows started
-- columns:
--   project                  the project, or (untagged), (unresolved), (internet), (aws service)
--   charge                   cross_az, internet_out, cross_region, public_ipv4, ipv6_other_vpc; through gateways:
--                                cross_az_nat, nat_gateway, transit_gateway, interface_endpoint
--   sent_gigabytes           bytes / 1e9 from the project under this charge
--   received_gigabytes       bytes / 1e9 to it
--   estimated_usd            its own half of what both sides pay, all of what the source pays alone, and of what the
--                                user of a gateway pays
--   not_estimated_gigabytes  beside all charges of the project: bytes / 1e9 of it for which there is no estimate
-- partitions: day, with a day of slack after the last
WITH sides AS (
    SELECT
        k.side,
        if(k.side = 'src', h.src_project_label, h.dst_project_label) AS project,
        h.cause AS charge,
        h.bytes,
        if(k.side = 'src', h.src_sides, h.dst_sides) AS sides,
        if(k.side = 'src', h.src_estimated_usd, h.dst_estimated_usd) AS usd
    FROM hourly_costs AS h
    CROSS JOIN (VALUES ('src'), ('dst')) AS k (side)
    WHERE h.day >= ?
        AND h.day <= date_format(CAST(? AS timestamp) + INTERVAL '1' DAY, '%Y-%m-%d')
        AND h.flow_hour >= to_unixtime(CAST(? AS timestamp))
        AND h.flow_hour < to_unixtime(CAST(? AS timestamp) + INTERVAL '1' DAY)
        AND coalesce(h.action, 'ACCEPT') = 'ACCEPT'
        AND h.cause <> 'free'
),
beside AS (
    SELECT
        s.*,
        sum(if(s.charge = 'not_estimated', s.bytes, 0)) OVER (PARTITION BY s.project) AS not_estimated
    FROM sides AS s
)
SELECT
    b.project,
    b.charge,
    round(sum(if(b.side = 'src', b.bytes, 0)) / 1e9, 6) AS sent_gigabytes,
    round(sum(if(b.side = 'dst', b.bytes, 0)) / 1e9, 6) AS received_gigabytes,
    round(sum(b.usd), 6) AS estimated_usd,
    round(max(b.not_estimated) / 1e9, 6) AS not_estimated_gigabytes
FROM beside AS b
WHERE b.sides > 0
GROUP BY b.project, b.charge
ORDER BY sum(b.usd) DESC, b.project, b.charge
