-- title: Traffic by protocol and port
-- question: To which ports is most sent, accepted or rejected?
-- group: Who talks to whom
-- parameters:
--   1, 3  first_day  date    2000-01-01  first day (UTC) on which flows started
--   2, 4  last_day   date    2999-12-31  last day (UTC) on which flows started
--   5     top        bigint  50          how many to list
-- columns:
--   place                  1 is the most bytes
--   protocol               IANA protocol number: 1 ICMP, 6 TCP, 17 UDP
--   dstport                the destination's port; answers go to the port that the asking side chose
--   action                 ACCEPT or REJECT
--   flows, packets, bytes  each flow and interval counted once
-- partitions: day, with a day of slack after the last
WITH ports AS (
    SELECT
        row_number() OVER (ORDER BY sum(f.bytes) DESC, f.protocol, f.dstport, f.action) AS place,
        f.protocol,
        f.dstport,
        f.action,
        count(*) AS flows,
        sum(f.packets) AS packets,
        sum(f.bytes) AS bytes
    FROM flow_costs AS f
    WHERE f.day >= ?
        AND f.day <= date_format(CAST(? AS timestamp) + INTERVAL '1' DAY, '%Y-%m-%d')
        AND f.flow_time >= to_unixtime(CAST(? AS timestamp))
        AND f.flow_time < to_unixtime(CAST(? AS timestamp) + INTERVAL '1' DAY)
    GROUP BY f.protocol, f.dstport, f.action
)
SELECT
    p.place,
    p.protocol,
    p.dstport,
    p.action,
    p.flows,
    p.packets,
    p.bytes
FROM ports AS p
WHERE p.place <= ?
ORDER BY p.place
