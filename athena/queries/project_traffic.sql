-- title: Traffic by pair of projects
-- question: Whose project talks to whose, how much of it crosses a zone, and what did that cost by list price?
-- parameters:
--   1, 3  first_day  date  2000-01-01  first day (UTC) on which flows started
--   2, 4  last_day   date  2999-12-31  last day (UTC) on which flows started
-- columns:
--   src_project, dst_project  the project, or (untagged), (unresolved), (internet), (aws service)
--   flows                     flow records, each flow and interval counted once
--   bytes                     as accepted
--   gigabytes                 bytes / 1e9
--   cross_az_gigabytes        of these, between two Availability Zones
--   estimated_usd             all charges of the pair, both sides'; null where none of it can be estimated
-- partitions: day, with a day of slack after the last
SELECT
    f.src_project_label AS src_project,
    f.dst_project_label AS dst_project,
    count(*) AS flows,
    sum(f.bytes) AS bytes,
    round(sum(f.bytes) / 1e9, 6) AS gigabytes,
    round(sum(CASE WHEN f.traffic_class = 'cross_az' THEN f.bytes ELSE 0 END) / 1e9, 6) AS cross_az_gigabytes,
    round(sum(f.bytes * f.usd_per_gb) / 1e9, 6) AS estimated_usd
FROM flow_costs AS f
WHERE f.day >= ?
    AND f.day <= date_format(CAST(? AS timestamp) + INTERVAL '1' DAY, '%Y-%m-%d')
    AND f.flow_time >= to_unixtime(CAST(? AS timestamp))
    AND f.flow_time < to_unixtime(CAST(? AS timestamp) + INTERVAL '1' DAY)
    AND f.action = 'ACCEPT'
GROUP BY f.src_project_label, f.dst_project_label
ORDER BY sum(f.bytes) DESC, f.src_project_label, f.dst_project_label
