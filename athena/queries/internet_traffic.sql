-- title: Internet traffic by project
-- question: How much does each project send to the internet and receive from it, and what did that cost by list price?
-- group: Who talks to whom
-- parameters:
--   1, 3  first_day  date  2000-01-01  first day (UTC) on which flows started
--   2, 4  last_day   date  2999-12-31  last day (UTC) on which flows started
-- columns:
--   project                     the project, or (untagged), (unresolved)
--   flows                       accepted, both directions, each flow and interval counted once
--   sent_bytes, received_bytes  to and from the internet
--   sent_gigabytes              sent_bytes / 1e9
--   estimated_usd               what is sent; without the free 100 GB and volume steps, and without NAT gateways' own
--                                   charge
--   uncounted_bytes             of records that fit as well but never count: gateways in between, or the reporter is
--                                   not known
-- partitions: day, with a day of slack after the last
WITH directed AS (
    SELECT
        if(h.dst_project_label = '(internet)', h.src_project_label, h.dst_project_label) AS project,
        h.dst_project_label = '(internet)' AS is_sent,
        h.counts_as,
        h.flows,
        h.bytes,
        h.estimated_usd
    FROM hourly_costs AS h
    WHERE h.day >= ?
        AND h.day <= date_format(CAST(? AS timestamp) + INTERVAL '1' DAY, '%Y-%m-%d')
        AND h.flow_hour >= to_unixtime(CAST(? AS timestamp))
        AND h.flow_hour < to_unixtime(CAST(? AS timestamp) + INTERVAL '1' DAY)
        AND h.action = 'ACCEPT'
        AND h.traffic_class = 'internet'
        AND h.kind = 'transfer'
        AND h.counts_as IN ('counted', 'hop', 'reporter not known')
)
SELECT
    d.project,
    sum(if(d.counts_as = 'counted', d.flows, 0)) AS flows,
    sum(if(d.counts_as = 'counted' AND d.is_sent, d.bytes, 0)) AS sent_bytes,
    sum(if(d.counts_as = 'counted' AND NOT d.is_sent, d.bytes, 0)) AS received_bytes,
    round(sum(if(d.counts_as = 'counted' AND d.is_sent, d.bytes, 0)) / 1e9, 6) AS sent_gigabytes,
    round(sum(if(d.counts_as = 'counted', d.estimated_usd, 0e0)), 6) AS estimated_usd,
    sum(if(d.counts_as = 'counted', 0, d.bytes)) AS uncounted_bytes
FROM directed AS d
GROUP BY d.project
ORDER BY sum(if(d.counts_as = 'counted' AND d.is_sent, d.bytes, 0)) DESC, d.project
