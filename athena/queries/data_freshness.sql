-- title: How fresh the data is, and by whose word
-- question: Until when do records reach, how old was the inventory when they were enriched, and who named their ends?
-- group: What is not known
-- parameters:
--   1, 3  first_day  date  2000-01-01  first day (UTC) on which flows started
--   2, 4  last_day   date  2999-12-31  last day (UTC) on which flows started
-- columns:
--   enricher_version       version of the code that enriched the records; null: not told
--   records                all rows, also those that never count
--   first_start, last_end  Unix seconds of the first record's start and the last one's end
--   last_arrival           Unix seconds at which the last record reached the stream
--   freshest_inventory_s   smallest age of the inventory in seconds
--   oldest_inventory_s     largest age of the inventory in seconds
--   without_age            rows enriched without inventory, or with one that carries no date
--   by_record              sides named by the record itself, or by the other side's record
--   by_inventory           sides named by the cached inventory, their subnets included
--   by_request             sides named by an answer of EC2 or IPAM
-- partitions: day, with a day of slack after the last
SELECT
    r.enricher_version,
    count(*) AS records,
    min(r.start) AS first_start,
    max(r."end") AS last_end,
    CAST(floor(to_unixtime(max(r.arrived_at))) AS bigint) AS last_arrival,
    min(r.inventory_age_s) AS freshest_inventory_s,
    max(r.inventory_age_s) AS oldest_inventory_s,
    count_if(r.inventory_age_s IS NULL) AS without_age,
    count_if(r.src_evidence IN ('record', 'peer_record')) + count_if(r.dst_evidence IN ('record', 'peer_record'))
        AS by_record,
    count_if(r.src_evidence IN ('snapshot', 'snapshot_open', 'subnet'))
        + count_if(r.dst_evidence IN ('snapshot', 'snapshot_open', 'subnet')) AS by_inventory,
    count_if(r.src_evidence IN ('ec2', 'ipam', 'ipam_history'))
        + count_if(r.dst_evidence IN ('ec2', 'ipam', 'ipam_history')) AS by_request
FROM flow_rows AS r
WHERE r.day >= ?
    AND r.day <= date_format(CAST(? AS timestamp) + INTERVAL '1' DAY, '%Y-%m-%d')
    AND r.flow_time >= to_unixtime(CAST(? AS timestamp))
    AND r.flow_time < to_unixtime(CAST(? AS timestamp) + INTERVAL '1' DAY)
GROUP BY r.enricher_version
ORDER BY r.enricher_version
