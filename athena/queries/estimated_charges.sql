-- title: Estimated charges
-- question: What does AWS charge data transfer and gateways for here, and how much is that by list price?
-- group: Cost
-- parameters:
--   1, 3  first_day  date  2000-01-01  first day (UTC) on which flows started
--   2, 4  last_day   date  2999-12-31  last day (UTC) on which flows started
-- columns:
--   kind           transfer: for data transfer; gateway: what a gateway takes for bytes that are in transfer too
--   charge         internet_out, cross_region, public_ipv4, ipv6_other_vpc, cross_az, cross_az_nat, free;
--                      nat_gateway, transit_gateway, interface_endpoint; not_estimated; not_counted: the reporter is not
--                      known
--   flows          flow records, each flow and interval counted once; of gateways, records of the metered leg
--   bytes          as accepted
--   gigabytes      bytes / 1e9
--   usd_per_gb     the list price of a GB moved, all sides together; null where not estimated
--   estimated_usd  the charge; gateways' hours are not in it
-- partitions: day, with a day of slack after the last
WITH charged AS (
    SELECT
        h.kind,
        if(h.counts_as = 'reporter not known', 'not_counted', h.cause) AS charge,
        h.flows,
        h.bytes,
        h.usd_per_gb_and_side * h.charged_sides AS usd_per_gb,
        h.estimated_usd
    FROM hourly_costs AS h
    WHERE h.day >= ?
        AND h.day <= date_format(CAST(? AS timestamp) + INTERVAL '1' DAY, '%Y-%m-%d')
        AND h.flow_hour >= to_unixtime(CAST(? AS timestamp))
        AND h.flow_hour < to_unixtime(CAST(? AS timestamp) + INTERVAL '1' DAY)
        AND coalesce(h.action, 'ACCEPT') = 'ACCEPT'
)
SELECT
    c.kind,
    c.charge,
    sum(c.flows) AS flows,
    sum(c.bytes) AS bytes,
    round(sum(c.bytes) / 1e9, 6) AS gigabytes,
    c.usd_per_gb,
    round(sum(c.estimated_usd), 6) AS estimated_usd
FROM charged AS c
WHERE c.charge IS NOT NULL
GROUP BY c.kind, c.charge, c.usd_per_gb
ORDER BY sum(c.estimated_usd) DESC, c.charge
