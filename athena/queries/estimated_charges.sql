-- title: Estimated charges
-- question: What does AWS charge data transfer for here, and how much is that by list price?
-- parameters:
--   1, 3  first_day  date  2000-01-01  first day (UTC) on which flows started
--   2, 4  last_day   date  2999-12-31  last day (UTC) on which flows started
-- columns:
--   charge         internet_out, cross_region, public_ipv4, ipv6_other_vpc, cross_az, free, not_estimated
--   flows          flow records, each flow and interval counted once
--   bytes          as accepted
--   gigabytes      bytes / 1e9
--   usd_per_gb     the list price of a GB moved, all sides together; null where not estimated
--   estimated_usd  the charge; NAT and transit gateways' own charges are not in it
-- partitions: day, with a day of slack after the last
SELECT
    f.charge,
    count(*) AS flows,
    sum(f.bytes) AS bytes,
    round(sum(f.bytes) / 1e9, 6) AS gigabytes,
    f.usd_per_gb,
    round(sum(f.bytes * f.usd_per_gb) / 1e9, 6) AS estimated_usd
FROM flow_costs AS f
WHERE f.day >= ?
    AND f.day <= date_format(CAST(? AS timestamp) + INTERVAL '1' DAY, '%Y-%m-%d')
    AND f.flow_time >= to_unixtime(CAST(? AS timestamp))
    AND f.flow_time < to_unixtime(CAST(? AS timestamp) + INTERVAL '1' DAY)
    AND f.action = 'ACCEPT'
GROUP BY f.charge, f.usd_per_gb
ORDER BY sum(f.bytes * f.usd_per_gb) DESC, f.charge
