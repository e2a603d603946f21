-- title: What each project sends and receives
-- question: How much does each project exchange within itself, with others, with the internet and with AWS services?
-- group: Who talks to whom
-- parameters:
--   1, 3  first_day  date  2000-01-01  first day (UTC) on which flows started
--   2, 4  last_day   date  2999-12-31  last day (UTC) on which flows started
-- columns:
--   project                                       the project, or (untagged), (unresolved)
--   within_bytes                                  from the project to itself, once
--   sent_to_projects, received_from_projects      bytes to and from other projects and untagged resources
--   sent_to_internet, received_from_internet      bytes
--   sent_to_aws, received_from_aws                bytes to and from AWS services' addresses
--   sent_to_unresolved, received_from_unresolved  bytes to and from ends that are not known
--   uncounted_bytes                               of records that fit as well but never count: gateways in between,
--                                                     or the reporter is not known
-- partitions: day, with a day of slack after the last
WITH sides AS (
    SELECT
        k.side,
        if(k.side = 'sent', h.src_project_label, h.dst_project_label) AS project,
        if(k.side = 'sent', h.dst_project_label, h.src_project_label) AS peer,
        h.counts_as,
        h.bytes
    FROM flows_hourly AS h
    CROSS JOIN (VALUES ('sent'), ('received')) AS k (side)
    WHERE h.day >= ?
        AND h.day <= date_format(CAST(? AS timestamp) + INTERVAL '1' DAY, '%Y-%m-%d')
        AND h.flow_hour >= to_unixtime(CAST(? AS timestamp))
        AND h.flow_hour < to_unixtime(CAST(? AS timestamp) + INTERVAL '1' DAY)
        AND h.action = 'ACCEPT'
        AND h.counts_as IN ('counted', 'hop', 'reporter not known')
),
related AS (
    SELECT
        s.side,
        s.project,
        CASE
            WHEN s.peer = '(internet)' THEN 'internet'
            WHEN s.peer = '(aws service)' THEN 'aws'
            WHEN s.peer = s.project THEN 'itself'
            WHEN s.peer = '(unresolved)' THEN 'unresolved'
            ELSE 'projects'
        END AS peer,
        s.counts_as,
        s.bytes
    FROM sides AS s
    WHERE s.project NOT IN ('(internet)', '(aws service)')
)
SELECT
    s.project,
    sum(if(s.counts_as = 'counted' AND s.side = 'sent' AND s.peer = 'itself', s.bytes, 0)) AS within_bytes,
    sum(if(s.counts_as = 'counted' AND s.side = 'sent' AND s.peer = 'projects', s.bytes, 0)) AS sent_to_projects,
    sum(if(s.counts_as = 'counted' AND s.side = 'received' AND s.peer = 'projects', s.bytes, 0)) AS received_from_projects,
    sum(if(s.counts_as = 'counted' AND s.side = 'sent' AND s.peer = 'internet', s.bytes, 0)) AS sent_to_internet,
    sum(if(s.counts_as = 'counted' AND s.side = 'received' AND s.peer = 'internet', s.bytes, 0)) AS received_from_internet,
    sum(if(s.counts_as = 'counted' AND s.side = 'sent' AND s.peer = 'aws', s.bytes, 0)) AS sent_to_aws,
    sum(if(s.counts_as = 'counted' AND s.side = 'received' AND s.peer = 'aws', s.bytes, 0)) AS received_from_aws,
    sum(if(s.counts_as = 'counted' AND s.side = 'sent' AND s.peer = 'unresolved', s.bytes, 0)) AS sent_to_unresolved,
    sum(if(s.counts_as = 'counted' AND s.side = 'received' AND s.peer = 'unresolved', s.bytes, 0)) AS received_from_unresolved,
    sum(if(s.counts_as <> 'counted' AND NOT (s.side = 'received' AND s.peer = 'itself'), s.bytes, 0)) AS uncounted_bytes
FROM related AS s
GROUP BY s.project
ORDER BY s.project
