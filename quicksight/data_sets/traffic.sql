-- title: Traffic
-- question: How much went between which zones and projects in each hour, and what of it counts?
-- columns:
--   arrival_hour             the partition's hour; what SPICE reads again goes by it
--   flow_hour                hour in which the flows started
--   counts_as                counted, or why not: second record, hop, reporter not known, NODATA, SKIPDATA
--   traffic_class, action    as in flows_hourly
--   src_az_id, dst_az_id     Availability Zone IDs
--   src_project, dst_project the project, or (untagged), (unresolved), (internet), (aws service)
--   flows, packets, bytes    sums
-- partitions: day, from FirstDay; the refresh adds arrival_hour, which follows from partition columns alone
SELECT
    CAST(h.day || ' ' || h.hour || ':00:00' AS timestamp) AS arrival_hour,
    CAST(from_unixtime(h.flow_hour) AS timestamp) AS flow_hour,
    h.counts_as,
    h.traffic_class,
    h.action,
    h.src_az_id,
    h.dst_az_id,
    h.src_project_label AS src_project,
    h.dst_project_label AS dst_project,
    sum(h.flows) AS flows,
    sum(h.packets) AS packets,
    sum(h.bytes) AS bytes
FROM flows_hourly AS h
WHERE h.day >= '${FirstDay}'
GROUP BY
    h.day, h.hour, h.flow_hour, h.counts_as, h.traffic_class, h.action, h.src_az_id, h.dst_az_id,
    h.src_project_label, h.dst_project_label
