-- title: Costs
-- question: What does each side of the traffic pay by list price, under which charge, and is the side known?
-- columns:
--   arrival_hour             the partition's hour; what SPICE reads again goes by it
--   flow_hour                hour in which the flows started
--   side                     source or destination: every row of hourly_costs stands once for each
--   project, status          this side's
--   src_project, dst_project both sides', for the filters
--   kind, charge             as in the saved query estimated_charges; rows without a charge are left out
--   traffic_class, counts_as as in flows_hourly
--   action                   the same; ACCEPT where the record has none (transit gateways)
--   flows, bytes             sums, the same on either side: add up one side only
--   estimated_usd            this side's share; null where not estimated
-- partitions: day, from FirstDay; the refresh adds arrival_hour, which follows from partition columns alone
WITH sides AS (
    SELECT
        h.day,
        h.hour,
        h.flow_hour,
        k.side,
        if(k.side = 'source', h.src_project_label, h.dst_project_label) AS project,
        coalesce(if(k.side = 'source', h.src_status, h.dst_status), 'no status') AS status,
        h.src_project_label,
        h.dst_project_label,
        h.kind,
        if(h.counts_as = 'reporter not known', 'not_counted', h.cause) AS charge,
        h.traffic_class,
        h.counts_as,
        coalesce(h.action, 'ACCEPT') AS action,
        h.flows,
        h.bytes,
        if(k.side = 'source', h.src_estimated_usd, h.dst_estimated_usd) AS usd
    FROM hourly_costs AS h
    CROSS JOIN (VALUES ('source'), ('destination')) AS k (side)
    WHERE h.day >= '${FirstDay}'
)
SELECT
    CAST(s.day || ' ' || s.hour || ':00:00' AS timestamp) AS arrival_hour,
    CAST(from_unixtime(s.flow_hour) AS timestamp) AS flow_hour,
    s.side,
    s.project,
    s.status,
    s.src_project_label AS src_project,
    s.dst_project_label AS dst_project,
    s.kind,
    s.charge,
    s.traffic_class,
    s.counts_as,
    s.action,
    sum(s.flows) AS flows,
    sum(s.bytes) AS bytes,
    sum(s.usd) AS estimated_usd
FROM sides AS s
WHERE s.charge IS NOT NULL
GROUP BY
    s.day, s.hour, s.flow_hour, s.side, s.project, s.status, s.src_project_label, s.dst_project_label, s.kind,
    s.charge, s.traffic_class, s.counts_as, s.action
