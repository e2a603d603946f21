-- title: Every flow once
-- question: Which rows of flow_logs may be added up, when both ends of a flow, and gateways between them, recorded it?
-- columns: all of flow_rows and flows_judged, and
--   copy_number: which copy this is of a row that was delivered more than once
-- partitions: every query filters day, from the first day asked to one day after the last, because flows arrive later
--   than they start; flow_time is filtered exactly
--
-- What counts is flows_judged's word. Firehose delivers at least once: of rows that are equal in all AWS columns and
-- arrived in one hour, the first counts; only where the log format tells flows apart (interface or resource, ports,
-- protocol and times). In a compacted hour no copies are left, and an hour is compacted whole: its rows are not compared.
CREATE OR REPLACE VIEW flows_once AS
WITH copies AS (
    SELECT
        a.*,
        row_number() OVER (
            -- The partition columns first, or a filter on day would not pass the window.
            PARTITION BY
                a.aws_region, a.day, a.hour,
                a.version, a.account_id, a.interface_id, a.srcaddr, a.dstaddr, a.srcport, a.dstport, a.protocol,
                a.packets, a.bytes, a."start", a."end", a.action, a.log_status, a.vpc_id, a.subnet_id,
                a.instance_id, a.tcp_flags, a.type, a.pkt_srcaddr, a.pkt_dstaddr, a.region, a.az_id,
                a.sublocation_type, a.sublocation_id, a.pkt_src_aws_service, a.pkt_dst_aws_service,
                a.flow_direction, a.traffic_path, a.ecs_cluster_arn, a.ecs_cluster_name,
                a.ecs_container_instance_arn, a.ecs_container_instance_id, a.ecs_container_id,
                a.ecs_second_container_id, a.ecs_service_name, a.ecs_task_definition_arn, a.ecs_task_arn,
                a.ecs_task_id, a.reject_reason, a.resource_id, a.encryption_status, a.instance_tag,
                a.instance_tag_2, a.interface_tag, a.interface_tag_2, a.asg_tag, a.asg_tag_2, a.interface_type,
                a.next_hop_interface_id, a.next_hop_subnet_id, a.next_hop_az_id, a.next_hop_vpc_id,
                a.next_hop_interface_type, a.resource_type, a.tgw_id, a.tgw_attachment_id, a.tgw_src_vpc_account_id,
                a.tgw_dst_vpc_account_id, a.tgw_src_vpc_id, a.tgw_dst_vpc_id, a.tgw_src_subnet_id,
                a.tgw_dst_subnet_id, a.tgw_src_eni, a.tgw_dst_eni, a.tgw_src_az_id, a.tgw_dst_az_id,
                a.tgw_pair_attachment_id, a.packets_lost_no_route, a.packets_lost_blackhole,
                a.packets_lost_mtu_exceeded, a.packets_lost_ttl_expired
            ORDER BY a.batch_id
        ) AS copy_number
    FROM flows_judged AS a
    WHERE a.counts_as IS NULL AND a.record_kind = 'flow'
)
SELECT
    w.*,
    w.counts_as AS judged_as,
    CAST(1 AS bigint) AS copy_number
FROM flow_rows AS w
WHERE w.counts_as = 'counted'
UNION ALL
SELECT c.*
FROM copies AS c
WHERE c.judged_as = 'counted'
    AND (
        c.copy_number = 1
        OR coalesce(c.interface_id, c.resource_id) IS NULL
        OR c.srcport IS NULL
        OR c.dstport IS NULL
        OR c.protocol IS NULL
        OR c."start" IS NULL
        OR c."end" IS NULL
    )
