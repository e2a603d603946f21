-- title: Traffic by pair of projects
-- question: Whose project talks to whose, how much of it crosses a zone, and what did that cost by list price?
-- group: Who talks to whom
-- parameters:
--   1, 3  first_day  date  2000-01-01  first day (UTC) on which flows started
--   2, 4  last_day   date  2999-12-31  last day (UTC) on which flows started
-- columns:
--   src_project, dst_project  the project, or (untagged), (unresolved), (internet), (aws service)
--   flows                     flow records, each flow and interval counted once
--   bytes                     as accepted
--   gigabytes                 bytes / 1e9
--   cross_az_gigabytes        of these, between two Availability Zones
--   estimated_usd             all charges for data transfer of the pair, both sides'; null where none can be
--                                 estimated
--   uncounted_bytes           of records that fit as well but never count: gateways in between, or the reporter is
--                                 not known
-- partitions: day, with a day of slack after the last
SELECT
    h.src_project_label AS src_project,
    h.dst_project_label AS dst_project,
    sum(if(h.counts_as = 'counted', h.flows, 0)) AS flows,
    sum(if(h.counts_as = 'counted', h.bytes, 0)) AS bytes,
    round(sum(if(h.counts_as = 'counted', h.bytes, 0)) / 1e9, 6) AS gigabytes,
    round(sum(if(h.counts_as = 'counted' AND h.traffic_class = 'cross_az', h.bytes, 0)) / 1e9, 6) AS cross_az_gigabytes,
    round(sum(if(h.counts_as = 'counted', h.estimated_usd)), 6) AS estimated_usd,
    sum(if(h.counts_as = 'counted', 0, h.bytes)) AS uncounted_bytes
FROM hourly_costs AS h
WHERE h.day >= ?
    AND h.day <= date_format(CAST(? AS timestamp) + INTERVAL '1' DAY, '%Y-%m-%d')
    AND h.flow_hour >= to_unixtime(CAST(? AS timestamp))
    AND h.flow_hour < to_unixtime(CAST(? AS timestamp) + INTERVAL '1' DAY)
    AND h.action = 'ACCEPT'
    AND h.kind = 'transfer'
    AND h.counts_as IN ('counted', 'hop', 'reporter not known')
GROUP BY h.src_project_label, h.dst_project_label
ORDER BY sum(if(h.counts_as = 'counted', h.bytes, 0)) DESC, h.src_project_label, h.dst_project_label
