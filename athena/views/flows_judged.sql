-- title: Every row, with whether it counts
-- question: As what does each row of flow_logs count, when both ends of a flow, and gateways between them, recorded it?
-- columns: all of flow_rows, and
--   judged_as: counted, or why not: second record, hop, reporter not known, NODATA, SKIPDATA
-- partitions: every query filters day, from the first day asked to one day after the last, because flows arrive later
--   than they start; flow_time is filtered exactly
--
-- Compaction has judged the rows it wrote (counts_as), by this view; it is trusted. Of others a row counts if its source
-- recorded it, or if its destination did and its source did not. A source recorded if a row with reporter src arrived in
-- the same hour, the one before or the one after, that has the source's
--   * src_interface_id; where that is not known its
--   * src_vpc_id and address; where that is not known either the same
--   * conversation, because an address alone names nobody.
-- What a NAT gateway sends to one of ours was counted where it entered the gateway, if the gateway recorded at all.
-- Rows without addresses, of hops, without a known reporter, NODATA and SKIPDATA never count; unresolved_share.sql says
-- how many they are. The action stays, totals and cost want ACCEPT: an accepted egress whose peer rejects it counts
-- once, as sent. A row that was delivered twice is judged twice: flows_once leaves copies out.
CREATE OR REPLACE VIEW flows_judged AS
WITH recorders AS (
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
    FROM flow_rows AS a
    CROSS JOIN (VALUES ('interface'), ('address'), ('conversation')) AS k (kind)
    WHERE (a.record_kind = 'flow' AND a.reporter = 'src')
        OR (a.record_kind = 'hop' AND a.reporter_resource_type = 'nat_gateway')
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
)
SELECT
    c.*,
    CASE
        WHEN c.counts_as IS NOT NULL THEN c.counts_as
        WHEN c.record_kind <> 'flow' THEN c.record_kind
        WHEN s.source_key IS NULL THEN 'counted'
        ELSE 'second record'
    END AS judged_as
FROM flow_rows AS c
LEFT JOIN recorded AS s
    ON s.day = c.day
    AND s.hour = c.hour
    AND s.source_key = CASE
        WHEN c.counts_as IS NOT NULL OR c.record_kind <> 'flow' OR c.reporter = 'src' THEN NULL
        WHEN c.src_resource_type = 'nat_gateway' AND c.src_resource_id IS NOT NULL THEN c.src_resource_id
        WHEN c.src_interface_id IS NOT NULL THEN c.src_interface_id
        WHEN c.src_vpc_id IS NOT NULL THEN c.src_vpc_id || ' ' || c.packet_srcaddr
        ELSE c.conversation
    END
