-- title: Prices of data transfer
-- question: What does a GB (1e9 bytes) cost, on which day, and who pays?
-- columns: charge; charged_sides (1: the source pays, 2: both sides pay); usd_per_gb_and_side; valid_from, valid_to
--   (the first day, and the first day no more); region; as_of (when the list was read); source
-- partitions: none
--
-- Written from athena/prices.json by `python -m workbench.athena.prices`; change it there. List prices of
-- us-east-1: what they give is an estimate.
CREATE OR REPLACE VIEW prices AS
SELECT
    p.charge,
    p.charged_sides,
    p.usd_per_gb_and_side,
    p.valid_from,
    p.valid_to,
    p.region,
    p.as_of,
    p.source
FROM (VALUES
    ('cross_az', 2, 1E-2, '2000-01-01', '9999-12-31', 'us-east-1', '2026-09-20', 'EC2 on-demand pricing, data transfer within the same Region: each direction'),
    ('cross_az_nat', 2, 1E-2, '2000-01-01', '9999-12-31', 'us-east-1', '2026-09-20', 'EC2 on-demand pricing, data transfer within the same Region: each direction of the leg to a NAT gateway'),
    ('cross_region', 1, 2E-2, '2000-01-01', '9999-12-31', 'us-east-1', '2026-09-20', 'EC2 on-demand pricing, to another Region: the source pays; dearer from some Regions'),
    ('free', 1, 0E0, '2000-01-01', '9999-12-31', 'us-east-1', '2026-09-20', 'EC2 on-demand pricing: same zone by private address, gateway endpoints, in from the internet'),
    ('interface_endpoint', 1, 1E-2, '2000-01-01', '9999-12-31', 'us-east-1', '2026-09-20', 'PrivateLink pricing, interface endpoint: data processed, first PB a month'),
    ('internet_out', 1, 9E-2, '2000-01-01', '9999-12-31', 'us-east-1', '2026-09-20', 'EC2 on-demand pricing, out to the internet: first 10 TB a month, without the free 100 GB'),
    ('ipv6_other_vpc', 2, 1E-2, '2000-01-01', '9999-12-31', 'us-east-1', '2026-09-20', 'EC2 on-demand pricing, IPv6 to another VPC: each direction'),
    ('nat_gateway', 1, 4.5E-2, '2000-01-01', '9999-12-31', 'us-east-1', '2026-09-20', 'VPC pricing, NAT gateway: data processed'),
    ('public_ipv4', 2, 1E-2, '2000-01-01', '9999-12-31', 'us-east-1', '2026-09-20', 'EC2 on-demand pricing, public or Elastic IPv4 in the Region: each direction, even in one zone'),
    ('transit_gateway', 1, 2E-2, '2000-01-01', '9999-12-31', 'us-east-1', '2026-09-20', 'Transit gateway pricing: data processed, paid by who sends it in')
) AS p (charge, charged_sides, usd_per_gb_and_side, valid_from, valid_to, region, as_of, source)
