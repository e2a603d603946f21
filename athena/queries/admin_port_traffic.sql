-- title: Traffic to administrators' ports
-- question: Who reached, or tried to reach, remote access, file sharing and database ports?
-- group: Security
-- parameters:
--   1, 3  first_day  date    2000-01-01  first day (UTC) on which flows started
--   2, 4  last_day   date    2999-12-31  last day (UTC) on which flows started
--   5     top        bigint  50          how many to list
-- columns:
--   place                     1 is the most flows
--   dstport, protocol         20 and 21 FTP, 22 SSH, 23 Telnet, 135 to 139 and 445 Windows, 1433 SQL Server, 3306
--                                 MySQL, 3389 RDP, 5432 PostgreSQL, 5900 VNC, 5985 and 5986 WinRM; IANA protocol number
--   action                    ACCEPT or REJECT
--   traffic_class             same_az, cross_az, cross_region, internet, aws_service, private_unknown, unknown
--   source, src_project       the resource's id, else the interface's, else the address; its project or why there is
--                                 none
--   destination, dst_project  likewise
--   flows, bytes              each flow and interval counted once
--   first_seen, last_seen     Unix seconds of the first and last record's start
-- partitions: day, with a day of slack after the last
WITH attempts AS (
    SELECT
        f.dstport,
        f.protocol,
        f.action,
        f.traffic_class,
        coalesce(f.src_resource_id, f.src_interface_id, f.packet_srcaddr) AS source,
        f.src_project_label AS src_project,
        coalesce(f.dst_resource_id, f.dst_interface_id, f.packet_dstaddr) AS destination,
        f.dst_project_label AS dst_project,
        f.bytes,
        f.flow_time
    FROM flow_costs AS f
    WHERE f.day >= ?
        AND f.day <= date_format(CAST(? AS timestamp) + INTERVAL '1' DAY, '%Y-%m-%d')
        AND f.flow_time >= to_unixtime(CAST(? AS timestamp))
        AND f.flow_time < to_unixtime(CAST(? AS timestamp) + INTERVAL '1' DAY)
        AND f.dstport IN (20, 21, 22, 23, 135, 136, 137, 138, 139, 445, 1433, 3306, 3389, 5432, 5900, 5985, 5986)
),
placed AS (
    SELECT
        row_number() OVER (
            ORDER BY count(*) DESC, a.dstport, a.protocol, a.action, a.source, a.destination, a.traffic_class
        ) AS place,
        a.dstport,
        a.protocol,
        a.action,
        a.traffic_class,
        a.source,
        a.src_project,
        a.destination,
        a.dst_project,
        count(*) AS flows,
        sum(a.bytes) AS bytes,
        min(a.flow_time) AS first_seen,
        max(a.flow_time) AS last_seen
    FROM attempts AS a
    GROUP BY
        a.dstport, a.protocol, a.action, a.traffic_class, a.source, a.src_project, a.destination, a.dst_project
)
SELECT
    p.place,
    p.dstport,
    p.protocol,
    p.action,
    p.traffic_class,
    p.source,
    p.src_project,
    p.destination,
    p.dst_project,
    p.flows,
    p.bytes,
    p.first_seen,
    p.last_seen
FROM placed AS p
WHERE p.place <= ?
ORDER BY p.place
