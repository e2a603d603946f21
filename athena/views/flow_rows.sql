-- title: Every row, with what follows from it alone
-- question: What does each row of flow_logs tell: of whom, under which project, by which charge, over which gateway?
-- columns: all of flow_logs (counts_as: how a compacted row counts; null in raw objects), and
--   packet_srcaddr, packet_dstaddr: the endpoints' addresses, those in the packet where the format has them
--   conversation: source, destination, ports and protocol as one text
--   arrival_hour: the partition's hour as a timestamp
--   flow_time: start, or where the format has no times the arrival hour (Unix seconds)
--   record_kind: flow (an end of it recorded it: flows_judged says which of them count), hop, reporter not known,
--     NODATA, SKIPDATA
--   src_project_label, dst_project_label: the project, or why there is none: (untagged) a resource without the tag,
--     (unresolved) not known, (internet), (aws service)
--   aws_service: where one side alone is ours, the AWS service that owns the other's address, if the record says so
--   gateway_leg: to or from, where the flow enters or leaves the NAT gateway, transit gateway or interface endpoint on
--     the side that AWS meters; null on the other side of the same gateway
--   charge: for data transfer, the first that fits of internet_out, cross_region, public_ipv4, ipv6_other_vpc, cross_az,
--     free; else not_estimated. Of a hop: cross_az_nat (the leg to or from a NAT gateway in another zone), else null
--   gateway_charge: what the gateway takes for the bytes: nat_gateway, transit_gateway, interface_endpoint; else null
-- partitions: every query filters day
--
-- A charge says what a row causes if it counts; no row counts twice (flows_once), and a gateway meters one leg: a NAT
-- gateway what comes from its client and what goes back, a transit gateway what is sent into it. A transit gateway that
-- is logged by its interfaces and by its own flow log is metered twice. Public is what is not private by RFC 1918,
-- RFC 6598 or link-local: a VPC with other addresses looks public. Behind resource type load_balancer only application
-- and classic ones are free to targets in their VPC; a network load balancer is told apart where the log format has
-- interface-type (version 11).
CREATE OR REPLACE VIEW flow_rows AS
WITH addressed AS (
    SELECT
        l.*,
        coalesce(l.pkt_srcaddr, l.srcaddr) AS packet_srcaddr,
        coalesce(l.pkt_dstaddr, l.dstaddr) AS packet_dstaddr,
        CAST(l.day || ' ' || l.hour || ':00:00' AS timestamp) AS arrival_hour,
        l.src_vpc_id IS NOT NULL AND l.dst_vpc_id IS NOT NULL AS both_ours,
        l.reporter_resource_type IN ('nat_gateway', 'transit_gateway') AS is_metered_hop,
        (l.src_resource_type = 'load_balancer' OR l.dst_resource_type = 'load_balancer')
            AND l.src_vpc_id = l.dst_vpc_id
            AND coalesce(l.interface_type, '') <> 'network_load_balancer'
            AND coalesce(l.next_hop_interface_type, '') <> 'network_load_balancer' AS is_balanced
    FROM flow_logs AS l
),
judged AS (
    SELECT
        a.*,
        a.packet_srcaddr || ' ' || a.packet_dstaddr
            || ' ' || coalesce(CAST(a.srcport AS varchar), '-') || ' ' || coalesce(CAST(a.dstport AS varchar), '-')
            || ' ' || coalesce(CAST(a.protocol AS varchar), '-') AS conversation,
        coalesce(a."start", CAST(to_unixtime(a.arrival_hour) AS bigint)) AS flow_time,
        CASE
            WHEN coalesce(a.log_status, 'OK') <> 'OK' THEN a.log_status
            WHEN a.packet_srcaddr IS NULL OR a.packet_dstaddr IS NULL THEN 'reporter not known'
            WHEN a.reporter IN ('src', 'dst') THEN 'flow'
            WHEN a.reporter = 'hop' THEN 'hop'
            ELSE 'reporter not known'
        END AS record_kind,
        NOT regexp_like(
            a.packet_srcaddr,
            '^(10|127|192\.168|172\.(1[6-9]|2[0-9]|3[01])|169\.254|100\.(6[4-9]|[7-9][0-9]|1[01][0-9]|12[0-7]))\.|:'
        )
        OR NOT regexp_like(
            a.packet_dstaddr,
            '^(10|127|192\.168|172\.(1[6-9]|2[0-9]|3[01])|169\.254|100\.(6[4-9]|[7-9][0-9]|1[01][0-9]|12[0-7]))\.|:'
        ) AS has_public_ipv4,
        CASE
            WHEN a.src_project IS NOT NULL THEN a.src_project
            WHEN coalesce(a.src_resource_id, a.src_interface_id, a.src_instance_id) IS NOT NULL THEN '(untagged)'
            WHEN a.src_vpc_id IS NOT NULL THEN '(unresolved)'
            WHEN a.traffic_class = 'internet' THEN '(internet)'
            WHEN a.traffic_class = 'aws_service' THEN '(aws service)'
            ELSE '(unresolved)'
        END AS src_project_label,
        CASE
            WHEN a.dst_project IS NOT NULL THEN a.dst_project
            WHEN coalesce(a.dst_resource_id, a.dst_interface_id, a.dst_instance_id) IS NOT NULL THEN '(untagged)'
            WHEN a.dst_vpc_id IS NOT NULL THEN '(unresolved)'
            WHEN a.traffic_class = 'internet' THEN '(internet)'
            WHEN a.traffic_class = 'aws_service' THEN '(aws service)'
            ELSE '(unresolved)'
        END AS dst_project_label,
        CASE
            WHEN a.both_ours THEN NULL
            WHEN a.src_vpc_id IS NOT NULL THEN a.pkt_dst_aws_service
            WHEN a.dst_vpc_id IS NOT NULL THEN a.pkt_src_aws_service
        END AS aws_service,
        CASE
            WHEN a.reporter = 'hop' AND a.is_metered_hop AND a.interface_id IS NULL THEN
                -- A regional NAT gateway, or a transit gateway's own log: hop and packet addresses do not differ.
                CASE
                    WHEN coalesce(a.flow_direction, 'ingress') = 'ingress'
                        AND a.src_vpc_id IS NOT NULL
                        AND coalesce(a.src_resource_type, '') <> a.reporter_resource_type THEN 'to'
                    WHEN coalesce(a.flow_direction, 'egress') = 'egress'
                        AND a.dst_vpc_id IS NOT NULL
                        AND coalesce(a.dst_resource_type, '') <> a.reporter_resource_type THEN 'from'
                END
            WHEN a.reporter = 'hop' AND a.is_metered_hop AND a.pkt_srcaddr IS NOT NULL AND a.pkt_dstaddr IS NOT NULL THEN
                CASE
                    WHEN a.dstaddr <> a.pkt_dstaddr AND coalesce(a.flow_direction, 'ingress') = 'ingress' THEN 'to'
                    WHEN a.srcaddr <> a.pkt_srcaddr AND coalesce(a.flow_direction, 'egress') = 'egress' THEN 'from'
                END
            WHEN a.reporter = 'hop' AND a.is_metered_hop THEN
                -- Without packet addresses the gateway itself stands on the metered leg's other side.
                CASE
                    WHEN a.src_vpc_id IS NOT NULL
                        AND a.dst_resource_type = a.reporter_resource_type
                        AND coalesce(a.src_resource_type, '') <> a.reporter_resource_type THEN 'to'
                    WHEN a.dst_vpc_id IS NOT NULL
                        AND a.src_resource_type = a.reporter_resource_type
                        AND coalesce(a.dst_resource_type, '') <> a.reporter_resource_type THEN 'from'
                END
            WHEN a.reporter IN ('src', 'dst') AND a.dst_resource_type = 'vpc_endpoint' THEN 'to'
            WHEN a.reporter IN ('src', 'dst') AND a.src_resource_type = 'vpc_endpoint' THEN 'from'
        END AS gateway_leg
    FROM addressed AS a
)
SELECT
    j.*,
    CASE
        WHEN j.record_kind = 'flow' THEN
            CASE
                WHEN j.traffic_class = 'internet' AND j.reporter = 'src' THEN 'internet_out'
                WHEN j.traffic_class = 'cross_region' THEN 'cross_region'
                WHEN j.both_ours AND j.has_public_ipv4 THEN 'public_ipv4'
                WHEN j.both_ours AND strpos(j.packet_srcaddr, ':') > 0 AND j.src_vpc_id <> j.dst_vpc_id
                    THEN 'ipv6_other_vpc'
                WHEN j.traffic_class = 'cross_az' AND NOT coalesce(j.is_balanced, false) THEN 'cross_az'
                WHEN j.traffic_class IN ('same_az', 'cross_az', 'aws_service', 'internet') THEN 'free'
                ELSE 'not_estimated'
            END
        WHEN j.reporter_resource_type = 'nat_gateway' AND j.gateway_leg = 'to' AND j.src_az_id <> j.reporter_az_id
            THEN 'cross_az_nat'
        WHEN j.reporter_resource_type = 'nat_gateway' AND j.gateway_leg = 'from' AND j.dst_az_id <> j.reporter_az_id
            THEN 'cross_az_nat'
    END AS charge,
    CASE
        WHEN j.record_kind = 'hop' AND j.reporter_resource_type = 'nat_gateway' AND j.gateway_leg IS NOT NULL
            THEN 'nat_gateway'
        WHEN j.record_kind = 'hop' AND j.reporter_resource_type = 'transit_gateway' AND j.gateway_leg = 'to'
            THEN 'transit_gateway'
        WHEN j.record_kind = 'flow' AND j.gateway_leg IS NOT NULL THEN 'interface_endpoint'
    END AS gateway_charge
FROM judged AS j
