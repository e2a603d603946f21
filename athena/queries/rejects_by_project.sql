-- title: Rejected traffic by project and reason
-- question: Between whose projects is traffic turned away, at which end, and why?
-- group: Security
-- parameters:
--   1, 3  first_day  date  2000-01-01  first day (UTC) on which flows started
--   2, 4  last_day   date  2999-12-31  last day (UTC) on which flows started
-- columns:
--   src_project, dst_project  the project, or (untagged), (unresolved), (internet), (aws service)
--   rejected_at               source: not let out; destination: not let in
--   reject_reason             BPA or EC where AWS says so (version 8), else null: a security group or network ACL
--   flows, packets, bytes     rejected records, each flow and interval counted once
--   uncounted_flows           of records that fit as well but never count: gateways in between, or the reporter is
--                                 not known
-- partitions: day, with a day of slack after the last
SELECT
    h.src_project_label AS src_project,
    h.dst_project_label AS dst_project,
    CASE h.reporter WHEN 'src' THEN 'source' WHEN 'dst' THEN 'destination' END AS rejected_at,
    h.reject_reason,
    sum(if(h.counts_as = 'counted', h.flows, 0)) AS flows,
    sum(if(h.counts_as = 'counted', h.packets, 0)) AS packets,
    sum(if(h.counts_as = 'counted', h.bytes, 0)) AS bytes,
    sum(if(h.counts_as = 'counted', 0, h.flows)) AS uncounted_flows
FROM flows_hourly AS h
WHERE h.day >= ?
    AND h.day <= date_format(CAST(? AS timestamp) + INTERVAL '1' DAY, '%Y-%m-%d')
    AND h.flow_hour >= to_unixtime(CAST(? AS timestamp))
    AND h.flow_hour < to_unixtime(CAST(? AS timestamp) + INTERVAL '1' DAY)
    AND h.action = 'REJECT'
    AND h.counts_as IN ('counted', 'hop', 'reporter not known')
GROUP BY h.src_project_label, h.dst_project_label, h.reporter, h.reject_reason
ORDER BY sum(if(h.counts_as = 'counted', h.flows, 0)) DESC, h.src_project_label, h.dst_project_label, h.reporter, h.reject_reason
