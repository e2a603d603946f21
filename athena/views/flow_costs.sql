-- title: Every flow once, with what its bytes cost
-- question: Which charge does a flow cause, estimated from list prices, and whose projects are at its ends?
-- columns: all of flows_once (charge and project labels among them: flow_rows says what they mean), and
--   charged_sides: 1 the source pays, 2 both sides pay; null where not estimated
--   usd_per_gb_and_side: estimated US dollars a GB (1e9 bytes) for each of them; null where not estimated
--   usd_per_gb: the same for all of them together
-- partitions: as flows_once
--
-- An estimate: list prices of one region without free tiers and volume steps. Gateways' own charges are not in it:
-- gateways record as hops, which never count as flows; hourly_costs has them.
CREATE OR REPLACE VIEW flow_costs AS
SELECT
    f.*,
    p.charged_sides,
    p.usd_per_gb_and_side,
    p.usd_per_gb_and_side * p.charged_sides AS usd_per_gb
FROM flows_once AS f
LEFT JOIN prices AS p
    ON p.charge = f.charge
    AND f.day >= p.valid_from
    AND f.day < p.valid_to
