-- title: Flows by hour, with what they cost
-- question: What do the bytes of each row of flows_hourly cost, by which charge, and whose projects pay?
-- columns: all of flows_hourly, and
--   kind: transfer (each row of flows_hourly once, with AWS's charge for its data transfer) or gateway (beside it, where a
--     gateway takes something for the same bytes)
--   cause: the charge that this row is about, a key of prices; not_estimated; null where none
--   usd_per_gb_and_side: estimated US dollars a GB (1e9 bytes) for each side that pays; null where not estimated
--   src_sides, dst_sides: how many sides' charges are the source's and the destination's
--   charged_sides: both together; null where not estimated
--   src_estimated_usd, dst_estimated_usd, estimated_usd: the source's share, the destination's, both
-- partitions: as flows_hourly
--
-- An estimate: list prices of one region without free tiers and volume steps. What counts has a charge, and hops where
-- a gateway meters them; all other records have none: filter counts_as and kind before adding up flows or bytes.
-- What both sides pay is halved between their projects; what a gateway takes, and crossing zones to it, is for the side
-- that uses the gateway.
CREATE OR REPLACE VIEW hourly_costs AS
WITH caused AS (
    SELECT
        h.*,
        k.kind,
        CASE WHEN k.kind = 'transfer' THEN h.charge ELSE h.gateway_charge END AS cause,
        CASE WHEN k.kind = 'gateway' OR h.counts_as = 'hop' THEN h.gateway_leg END AS user_leg
    FROM flows_hourly AS h
    CROSS JOIN (VALUES ('transfer'), ('gateway')) AS k (kind)
),
priced AS (
    SELECT
        c.*,
        p.usd_per_gb_and_side,
        p.charged_sides,
        CASE
            WHEN c.user_leg = 'from' THEN 0
            WHEN c.user_leg = 'to' THEN p.charged_sides
            WHEN p.charged_sides >= 1 THEN 1
        END AS src_sides,
        CASE
            WHEN c.user_leg = 'from' THEN p.charged_sides
            WHEN c.user_leg = 'to' THEN 0
            WHEN p.charged_sides >= 1 THEN p.charged_sides - 1
        END AS dst_sides
    FROM caused AS c
    LEFT JOIN prices AS p
        ON p.charge = c.cause
        AND c.day >= p.valid_from
        AND c.day < p.valid_to
    WHERE c.kind = 'transfer' OR c.cause IS NOT NULL
)
SELECT
    p.*,
    p.bytes * p.usd_per_gb_and_side * p.src_sides / 1e9 AS src_estimated_usd,
    p.bytes * p.usd_per_gb_and_side * p.dst_sides / 1e9 AS dst_estimated_usd,
    p.bytes * p.usd_per_gb_and_side * p.charged_sides / 1e9 AS estimated_usd
FROM priced AS p
