-- title: Every flow once, with what its bytes cost
-- question: Which charge does a flow cause, estimated from list prices, and whose projects are at its ends?
-- columns: all of flows_once, and
--   src_project_label, dst_project_label: the project, or why there is none: (untagged) a resource without the tag,
--     (unresolved) not known, (internet), (aws service)
--   charge: the first that fits of internet_out, cross_region, public_ipv4, ipv6_other_vpc, cross_az, free; else
--     not_estimated
--   charged_sides: 1 the source pays, 2 both sides pay; null where not estimated
--   usd_per_gb_and_side: estimated US dollars a GB (1e9 bytes) for each of them; null where not estimated
--   usd_per_gb: the same for all of them together
-- partitions: as flows_once
--
-- An estimate: list prices of one region without free tiers and volume steps; gateways' own charges are not in it.
-- Public is what is not private by RFC 1918, RFC 6598 or link-local: a VPC with other addresses looks public.
-- Behind resource type load_balancer only application and classic ones are free to targets in their VPC; a network load
-- balancer is told apart where the log format has interface-type (version 11).
CREATE OR REPLACE VIEW flow_costs AS
WITH judged AS (
    SELECT
        f.*,
        f.src_vpc_id IS NOT NULL AND f.dst_vpc_id IS NOT NULL AS both_ours,
        NOT regexp_like(
            f.packet_srcaddr,
            '^(10|127|192\.168|172\.(1[6-9]|2[0-9]|3[01])|169\.254|100\.(6[4-9]|[7-9][0-9]|1[01][0-9]|12[0-7]))\.|:'
        )
        OR NOT regexp_like(
            f.packet_dstaddr,
            '^(10|127|192\.168|172\.(1[6-9]|2[0-9]|3[01])|169\.254|100\.(6[4-9]|[7-9][0-9]|1[01][0-9]|12[0-7]))\.|:'
        ) AS has_public_ipv4,
        (f.src_resource_type = 'load_balancer' OR f.dst_resource_type = 'load_balancer')
            AND f.src_vpc_id = f.dst_vpc_id
            AND coalesce(f.interface_type, '') <> 'network_load_balancer'
            AND coalesce(f.next_hop_interface_type, '') <> 'network_load_balancer' AS is_balanced
    FROM flows_once AS f
),
charged AS (
    SELECT
        j.*,
        CASE
            WHEN j.src_project IS NOT NULL THEN j.src_project
            WHEN coalesce(j.src_resource_id, j.src_interface_id, j.src_instance_id) IS NOT NULL THEN '(untagged)'
            WHEN j.src_vpc_id IS NOT NULL THEN '(unresolved)'
            WHEN j.traffic_class = 'internet' THEN '(internet)'
            WHEN j.traffic_class = 'aws_service' THEN '(aws service)'
            ELSE '(unresolved)'
        END AS src_project_label,
        CASE
            WHEN j.dst_project IS NOT NULL THEN j.dst_project
            WHEN coalesce(j.dst_resource_id, j.dst_interface_id, j.dst_instance_id) IS NOT NULL THEN '(untagged)'
            WHEN j.dst_vpc_id IS NOT NULL THEN '(unresolved)'
            WHEN j.traffic_class = 'internet' THEN '(internet)'
            WHEN j.traffic_class = 'aws_service' THEN '(aws service)'
            ELSE '(unresolved)'
        END AS dst_project_label,
        CASE
            WHEN j.traffic_class = 'internet' AND j.reporter = 'src' THEN 'internet_out'
            WHEN j.traffic_class = 'cross_region' THEN 'cross_region'
            WHEN j.both_ours AND j.has_public_ipv4 THEN 'public_ipv4'
            WHEN j.both_ours AND strpos(j.packet_srcaddr, ':') > 0 AND j.src_vpc_id <> j.dst_vpc_id
                THEN 'ipv6_other_vpc'
            WHEN j.traffic_class = 'cross_az' AND NOT coalesce(j.is_balanced, false) THEN 'cross_az'
            WHEN j.traffic_class IN ('same_az', 'cross_az', 'aws_service', 'internet') THEN 'free'
            ELSE 'not_estimated'
        END AS charge
    FROM judged AS j
)
SELECT
    c.*,
    p.charged_sides,
    p.usd_per_gb_and_side,
    p.usd_per_gb_and_side * p.charged_sides AS usd_per_gb
FROM charged AS c
LEFT JOIN prices AS p
    ON p.charge = c.charge
    AND c.day >= p.valid_from
    AND c.day < p.valid_to
