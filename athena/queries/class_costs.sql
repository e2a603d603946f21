-- title: Estimated cost by class and project
-- question: Which class of traffic costs which project how much by list price?
-- group: Cost
-- parameters:
--   1, 3  first_day  date  2000-01-01  first day (UTC) on which flows started
--   2, 4  last_day   date  2999-12-31  last day (UTC) on which flows started
-- columns:
--   traffic_class           same_az, cross_az, cross_region, internet, aws_service, private_unknown, unknown
--   project                 who pays: the project, or (untagged), (unresolved), (internet), (aws service)
--   estimated_transfer_usd  for data transfer: its half of what both sides pay, all of what the source pays alone
--   estimated_gateway_usd   for NAT gateways, transit gateways and interface endpoints, without their hours
--   estimated_usd           both
--   not_estimated_bytes     beside it, sent or received under this class: no estimate, or the reporter is not known
-- partitions: day, with a day of slack after the last
WITH sides AS (
    SELECT
        h.traffic_class,
        if(k.side = 'src', h.src_project_label, h.dst_project_label) AS project,
        h.kind,
        h.bytes,
        h.counts_as = 'reporter not known' OR coalesce(h.cause, '') = 'not_estimated' AS is_unknown,
        coalesce(if(k.side = 'src', h.src_estimated_usd, h.dst_estimated_usd), 0e0) AS usd
    FROM hourly_costs AS h
    CROSS JOIN (VALUES ('src'), ('dst')) AS k (side)
    WHERE h.day >= ?
        AND h.day <= date_format(CAST(? AS timestamp) + INTERVAL '1' DAY, '%Y-%m-%d')
        AND h.flow_hour >= to_unixtime(CAST(? AS timestamp))
        AND h.flow_hour < to_unixtime(CAST(? AS timestamp) + INTERVAL '1' DAY)
        AND coalesce(h.action, 'ACCEPT') = 'ACCEPT'
        AND h.counts_as IN ('counted', 'hop', 'reporter not known')
)
SELECT
    s.traffic_class,
    s.project,
    round(sum(if(s.kind = 'transfer', s.usd, 0e0)), 6) AS estimated_transfer_usd,
    round(sum(if(s.kind = 'gateway', s.usd, 0e0)), 6) AS estimated_gateway_usd,
    round(sum(s.usd), 6) AS estimated_usd,
    sum(if(s.is_unknown, s.bytes, 0)) AS not_estimated_bytes
FROM sides AS s
GROUP BY s.traffic_class, s.project
HAVING sum(s.usd) > 0 OR sum(if(s.is_unknown, s.bytes, 0)) > 0
ORDER BY sum(s.usd) DESC, s.traffic_class, s.project
