-- title: Every flow once
-- question: Which rows of flow_logs may be added up, when both ends of a flow, and gateways between them, recorded it?
-- columns: all of flow_rows, and
--   copy_number: which copy this is of a row that was delivered more than once
-- partitions: every query filters day, from the first day asked to one day after the last, because flows arrive later
--   than they start; flow_time is filtered exactly
--
-- A row counts if its source recorded it, or if its destination did and its source did not. A source recorded if a row
-- with reporter src arrived in the same hour, the one before or the one after, that has the source's
--   * src_interface_id; where that is not known its
--   * src_vpc_id and address; where that is not known either the same
--   * conversation, because an address alone names nobody.
-- What a NAT gateway sends to one of ours was counted where it entered the gateway, if the gateway recorded at all.
-- Rows without addresses, of hops, without a known reporter, NODATA and SKIPDATA never count; unresolved_share.sql says
-- how many they are. The action stays, totals and cost want ACCEPT: an accepted egress whose peer rejects it counts
-- once, as sent. Firehose delivers at least once: of rows that are equal in all AWS columns and arrived in one hour,
-- the first counts; only where the log format tells flows apart (interface or resource, ports, protocol and times).
CREATE OR REPLACE VIEW flows_once AS
WITH addressed AS (
    SELECT r.*
    FROM flow_rows AS r
    WHERE coalesce(r.log_status, 'OK') = 'OK'
        AND r.packet_srcaddr IS NOT NULL
        AND r.packet_dstaddr IS NOT NULL
),
recorders AS (
    SELECT DISTINCT
        a.day,
        a.hour,
        a.arrival_hour,
        CASE
            WHEN a.reporter = 'hop' THEN a.reporter_resource_id
            WHEN k.kind = 'interface' THEN a.src_interface_id
            WHEN k.kind = 'address' THEN a.src_vpc_id || ' ' || a.packet_srcaddr
            ELSE a.conversation
        END AS source_key
    FROM addressed AS a
    CROSS JOIN (VALUES ('interface'), ('address'), ('conversation')) AS k (kind)
    WHERE a.reporter = 'src' OR (a.reporter = 'hop' AND a.reporter_resource_type = 'nat_gateway')
),
-- Three branches with literal shifts, not a join with (-1, 0, 1): so a filter on day reaches the partitions.
recorded AS (
    SELECT r.day, r.hour, r.source_key
    FROM recorders AS r
    UNION
    SELECT
        date_format(r.arrival_hour + INTERVAL '1' HOUR, '%Y-%m-%d'),
        date_format(r.arrival_hour + INTERVAL '1' HOUR, '%H'),
        r.source_key
    FROM recorders AS r
    UNION
    SELECT
        date_format(r.arrival_hour - INTERVAL '1' HOUR, '%Y-%m-%d'),
        date_format(r.arrival_hour - INTERVAL '1' HOUR, '%H'),
        r.source_key
    FROM recorders AS r
),
copies AS (
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
    FROM addressed AS a
    WHERE a.reporter IN ('src', 'dst')
)
SELECT c.*
FROM copies AS c
LEFT JOIN recorded AS s
    ON s.day = c.day
    AND s.hour = c.hour
    AND s.source_key = CASE
        WHEN c.reporter = 'src' THEN NULL
        WHEN c.src_resource_type = 'nat_gateway' AND c.src_resource_id IS NOT NULL THEN c.src_resource_id
        WHEN c.src_interface_id IS NOT NULL THEN c.src_interface_id
        WHEN c.src_vpc_id IS NOT NULL THEN c.src_vpc_id || ' ' || c.packet_srcaddr
        ELSE c.conversation
    END
WHERE s.source_key IS NULL
    AND (
        c.copy_number = 1
        OR coalesce(c.interface_id, c.resource_id) IS NULL
        OR c.srcport IS NULL
        OR c.dstport IS NULL
        OR c.protocol IS NULL
        OR c."start" IS NULL
        OR c."end" IS NULL
    )
