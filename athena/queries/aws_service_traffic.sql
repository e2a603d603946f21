-- title: Traffic to AWS services by project
-- question: Which project talks to which AWS service, by which way out, and how much?
-- group: Who talks to whom
-- parameters:
--   1, 3  first_day  date  2000-01-01  first day (UTC) on which flows started
--   2, 4  last_day   date  2999-12-31  last day (UTC) on which flows started
-- columns:
--   project                     the project, or (untagged), (unresolved)
--   aws_service                 S3, DYNAMODB, AMAZON, ... as AWS names the range of the address
--   path_name                   the way out, of what is sent: gateway_endpoint, internet_gateway, ...; null for what
--                                   comes in
--   flows                       accepted, each flow and interval counted once
--   sent_bytes, received_bytes  to and from the service
--   uncounted_bytes             of records that fit as well but never count: gateways in between, or the reporter is
--                                   not known
-- partitions: day, with a day of slack after the last
WITH directed AS (
    SELECT
        if(h.dst_project_label = '(aws service)', h.src_project_label, h.dst_project_label) AS project,
        h.dst_project_label = '(aws service)' AS is_sent,
        h.aws_service,
        h.path_name,
        h.counts_as,
        h.flows,
        h.bytes
    FROM flows_hourly AS h
    WHERE h.day >= ?
        AND h.day <= date_format(CAST(? AS timestamp) + INTERVAL '1' DAY, '%Y-%m-%d')
        AND h.flow_hour >= to_unixtime(CAST(? AS timestamp))
        AND h.flow_hour < to_unixtime(CAST(? AS timestamp) + INTERVAL '1' DAY)
        AND h.action = 'ACCEPT'
        AND h.traffic_class = 'aws_service'
        AND h.counts_as IN ('counted', 'hop', 'reporter not known')
)
SELECT
    d.project,
    d.aws_service,
    d.path_name,
    sum(if(d.counts_as = 'counted', d.flows, 0)) AS flows,
    sum(if(d.counts_as = 'counted' AND d.is_sent, d.bytes, 0)) AS sent_bytes,
    sum(if(d.counts_as = 'counted' AND NOT d.is_sent, d.bytes, 0)) AS received_bytes,
    sum(if(d.counts_as = 'counted', 0, d.bytes)) AS uncounted_bytes
FROM directed AS d
GROUP BY d.project, d.aws_service, d.path_name
ORDER BY sum(if(d.counts_as = 'counted', d.bytes, 0)) DESC, d.project, d.aws_service, d.path_name
