-- title: Flows by hour
-- question: What are the rows of the table flows_hourly, for every hour of arrival?
-- columns: those of src/enricher/hourly.py, and the partition columns of flow_logs
-- partitions: whoever writes an hour filters aws_region, day and hour around this query
--
-- The one definition of the table: compaction writes an hour's folder from it; the workbench reads it where a lake has
-- no such folder. The hour's own recorders and those of its neighbours must be there (flows_once).
--
-- Every row of flow_logs is in exactly one group. A compacted row says itself how it counts. Of others, what counts was
-- taken for a second record below, so it is taken off there: sums of whole numbers by columns that follow from the row
-- alone. A row delivered twice is, of hops, two rows until the hour is compacted.
WITH every_record AS (
    SELECT
        f.aws_region,
        f.day,
        f.hour,
        f.flow_time - f.flow_time % 3600 AS flow_hour,
        k.counts_as,
        f.reporter,
        f.reporter_resource_type,
        f.reporter_resource_id,
        f.reporter_az_id,
        f.src_account_id,
        f.src_region,
        f.src_az_id,
        f.src_project_label,
        f.src_status,
        f.dst_account_id,
        f.dst_region,
        f.dst_az_id,
        f.dst_project_label,
        f.dst_status,
        f.traffic_class,
        f.path_name,
        f.aws_service,
        f.action,
        f.reject_reason,
        f.gateway_leg,
        f.charge,
        f.gateway_charge,
        k.sign AS flows,
        k.sign * coalesce(f.packets, 0) AS packets,
        k.sign * coalesce(f.bytes, 0) AS bytes
    FROM flows_once AS f
    CROSS JOIN (VALUES ('counted', 1), ('second record', -1)) AS k (counts_as, sign)
    WHERE f.counts_as IS NULL
    UNION ALL
    SELECT
        r.aws_region,
        r.day,
        r.hour,
        r.flow_time - r.flow_time % 3600 AS flow_hour,
        coalesce(r.counts_as, if(r.record_kind = 'flow', 'second record', r.record_kind)) AS counts_as,
        r.reporter,
        r.reporter_resource_type,
        r.reporter_resource_id,
        r.reporter_az_id,
        r.src_account_id,
        r.src_region,
        r.src_az_id,
        r.src_project_label,
        r.src_status,
        r.dst_account_id,
        r.dst_region,
        r.dst_az_id,
        r.dst_project_label,
        r.dst_status,
        r.traffic_class,
        r.path_name,
        r.aws_service,
        r.action,
        r.reject_reason,
        r.gateway_leg,
        r.charge,
        r.gateway_charge,
        1 AS flows,
        coalesce(r.packets, 0) AS packets,
        coalesce(r.bytes, 0) AS bytes
    FROM flow_rows AS r
),
-- Only what a question needs: the flow's own row tells who the ends of a second record are, and its recorder is no news.
masked AS (
    SELECT
        e.aws_region,
        e.day,
        e.hour,
        e.flow_hour,
        e.counts_as,
        e.reporter,
        if(e.counts_as IN ('counted', 'second record'), NULL, e.reporter_resource_type) AS reporter_resource_type,
        if(e.counts_as IN ('counted', 'second record'), NULL, e.reporter_resource_id) AS reporter_resource_id,
        if(e.counts_as IN ('counted', 'second record'), NULL, e.reporter_az_id) AS reporter_az_id,
        if(e.counts_as = 'second record', NULL, e.src_account_id) AS src_account_id,
        if(e.counts_as = 'second record', NULL, e.src_region) AS src_region,
        if(e.counts_as = 'second record', NULL, e.src_az_id) AS src_az_id,
        if(e.counts_as = 'second record', NULL, e.src_project_label) AS src_project_label,
        if(e.counts_as = 'second record', NULL, e.src_status) AS src_status,
        if(e.counts_as = 'second record', NULL, e.dst_account_id) AS dst_account_id,
        if(e.counts_as = 'second record', NULL, e.dst_region) AS dst_region,
        if(e.counts_as = 'second record', NULL, e.dst_az_id) AS dst_az_id,
        if(e.counts_as = 'second record', NULL, e.dst_project_label) AS dst_project_label,
        if(e.counts_as = 'second record', NULL, e.dst_status) AS dst_status,
        e.traffic_class,
        if(e.counts_as = 'second record', NULL, e.path_name) AS path_name,
        if(e.counts_as = 'second record', NULL, e.aws_service) AS aws_service,
        e.action,
        if(e.counts_as = 'second record', NULL, e.reject_reason) AS reject_reason,
        if(e.counts_as = 'second record', NULL, e.gateway_leg) AS gateway_leg,
        if(e.counts_as = 'second record', NULL, e.charge) AS charge,
        if(e.counts_as = 'second record', NULL, e.gateway_charge) AS gateway_charge,
        e.flows,
        e.packets,
        e.bytes
    FROM every_record AS e
)
SELECT
    m.flow_hour,
    m.counts_as,
    m.reporter,
    m.reporter_resource_type,
    m.reporter_resource_id,
    m.reporter_az_id,
    m.src_account_id,
    m.src_region,
    m.src_az_id,
    m.src_project_label,
    m.src_status,
    m.dst_account_id,
    m.dst_region,
    m.dst_az_id,
    m.dst_project_label,
    m.dst_status,
    m.traffic_class,
    m.path_name,
    m.aws_service,
    m.action,
    m.reject_reason,
    m.gateway_leg,
    m.charge,
    m.gateway_charge,
    sum(m.flows) AS flows,
    sum(m.packets) AS packets,
    sum(m.bytes) AS bytes,
    m.aws_region,
    m.day,
    m.hour
FROM masked AS m
GROUP BY
    m.aws_region, m.day, m.hour, m.flow_hour, m.counts_as, m.reporter, m.reporter_resource_type,
    m.reporter_resource_id, m.reporter_az_id, m.src_account_id, m.src_region, m.src_az_id, m.src_project_label,
    m.src_status, m.dst_account_id, m.dst_region, m.dst_az_id, m.dst_project_label, m.dst_status,
    m.traffic_class, m.path_name, m.aws_service, m.action, m.reject_reason, m.gateway_leg, m.charge,
    m.gateway_charge
HAVING sum(m.flows) > 0
