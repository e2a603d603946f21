-- title: Estimated cost by project
-- question: What does each project's traffic cost by list price, if both ends share what both are charged for?
-- parameters:
--   1, 3  first_day  date  2000-01-01  first day (UTC) on which flows started
--   2, 4  last_day   date  2999-12-31  last day (UTC) on which flows started
-- columns:
--   project             the project, or (untagged), (unresolved), (internet), (aws service)
--   charge              what AWS charges for: cross_az, internet_out, cross_region, public_ipv4, ipv6_other_vpc
--   sent_gigabytes      bytes / 1e9 from the project under this charge
--   received_gigabytes  bytes / 1e9 to it
--   estimated_usd       its own half of what both sides pay, all of what the source pays alone
-- partitions: day, with a day of slack after the last
WITH charged AS (
    SELECT
        f.src_project_label,
        f.dst_project_label,
        f.charge,
        f.charged_sides,
        f.usd_per_gb_and_side,
        f.bytes
    FROM flow_costs AS f
    WHERE f.day >= ?
        AND f.day <= date_format(CAST(? AS timestamp) + INTERVAL '1' DAY, '%Y-%m-%d')
        AND f.flow_time >= to_unixtime(CAST(? AS timestamp))
        AND f.flow_time < to_unixtime(CAST(? AS timestamp) + INTERVAL '1' DAY)
        AND f.action = 'ACCEPT'
        AND f.usd_per_gb > 0
),
sides AS (
    SELECT
        c.src_project_label AS project,
        c.charge,
        c.bytes AS sent,
        0 AS received,
        c.bytes * c.usd_per_gb_and_side AS usd
    FROM charged AS c
    UNION ALL
    SELECT
        c.dst_project_label AS project,
        c.charge,
        0 AS sent,
        c.bytes AS received,
        c.bytes * c.usd_per_gb_and_side AS usd
    FROM charged AS c
    WHERE c.charged_sides = 2
)
SELECT
    s.project,
    s.charge,
    round(sum(s.sent) / 1e9, 6) AS sent_gigabytes,
    round(sum(s.received) / 1e9, 6) AS received_gigabytes,
    round(sum(s.usd) / 1e9, 6) AS estimated_usd
FROM sides AS s
GROUP BY s.project, s.charge
ORDER BY sum(s.usd) DESC, s.project, s.charge
