-- title: The estimate beside the bill
-- question: How far is the estimate by list price from what a Cost and Usage Report says of the same days, accounts and region?
-- group: Cost
-- parameters:
--   1, 3, 6, 8   first_day  date     2000-01-01  first day (UTC) on which flows started, and of the bill
--   2, 4, 7, 9   last_day   date     2999-12-31  last day (UTC) on which flows started, and of the bill
--   5, 10        region     varchar  us-east-1   region of the lake, and of the bill's line items
-- columns:
--   bill_item            regional_transfer (between zones, by public address, IPv6 to another VPC, to a NAT gateway
--                            elsewhere), internet_out, cross_region, nat_gateway, transit_gateway, interface_endpoint
--   estimated_gigabytes  bytes / 1e9, once for each side that is charged, as the bill counts them
--   billed_gigabytes     the bill's usage amount
--   estimated_usd        by list price
--   billed_usd           the bill's unblended cost
--   estimated_percent    estimated_usd of billed_usd; null where nothing was billed
-- partitions: day, with a day of slack after the last; of the report, billing_period
--
-- The report is a Cost and Usage Report 2.0 (AWS Data Exports; hourly or daily, Parquet) as the table or view
-- cost_and_usage_report in this database, with product_region_code taken from the map product if it is not a column.
-- The bill knows what flow logs do not see: interfaces without a flow log, days before the first, managed services that
-- keep their interfaces elsewhere. Credits, taxes and refunds are other line item types and left out.
WITH estimates AS (
    SELECT
        CASE
            WHEN h.cause IN ('cross_az', 'public_ipv4', 'ipv6_other_vpc', 'cross_az_nat') THEN 'regional_transfer'
            WHEN h.cause IN ('internet_out', 'cross_region', 'nat_gateway', 'transit_gateway', 'interface_endpoint')
                THEN h.cause
        END AS bill_item,
        h.bytes * h.charged_sides / 1e9 AS gigabytes,
        h.estimated_usd AS usd,
        h.src_account_id,
        h.dst_account_id
    FROM hourly_costs AS h
    WHERE h.day >= ?
        AND h.day <= date_format(CAST(? AS timestamp) + INTERVAL '1' DAY, '%Y-%m-%d')
        AND h.flow_hour >= to_unixtime(CAST(? AS timestamp))
        AND h.flow_hour < to_unixtime(CAST(? AS timestamp) + INTERVAL '1' DAY)
        AND coalesce(h.action, 'ACCEPT') = 'ACCEPT'
        AND h.aws_region = ?
),
accounts AS (
    SELECT DISTINCT if(k.side = 'src', e.src_account_id, e.dst_account_id) AS account_id
    FROM estimates AS e
    CROSS JOIN (VALUES ('src'), ('dst')) AS k (side)
),
bill AS (
    SELECT
        CASE
            WHEN regexp_like(b.line_item_usage_type, '(^|-)DataTransfer-Regional-Bytes$') THEN 'regional_transfer'
            WHEN regexp_like(b.line_item_usage_type, '(^|-)DataTransfer-Out-Bytes$') THEN 'internet_out'
            WHEN regexp_like(b.line_item_usage_type, '(^|-)AWS-Out-Bytes$') THEN 'cross_region'
            WHEN regexp_like(b.line_item_usage_type, '(^|-)NatGateway-Bytes$') THEN 'nat_gateway'
            WHEN regexp_like(b.line_item_usage_type, '(^|-)TransitGateway-Bytes$') THEN 'transit_gateway'
            WHEN regexp_like(b.line_item_usage_type, '(^|-)VpcEndpoint-Bytes$') THEN 'interface_endpoint'
        END AS bill_item,
        b.line_item_usage_amount AS gigabytes,
        b.line_item_unblended_cost AS usd
    FROM cost_and_usage_report AS b
    INNER JOIN accounts AS a ON a.account_id = b.line_item_usage_account_id
    WHERE b.billing_period >= substr(?, 1, 7)
        AND b.billing_period <= substr(?, 1, 7)
        AND b.line_item_usage_start_date >= CAST(? AS timestamp)
        AND b.line_item_usage_start_date < CAST(? AS timestamp) + INTERVAL '1' DAY
        AND b.product_region_code = ?
        AND b.line_item_line_item_type = 'Usage'
),
both_sides AS (
    SELECT e.bill_item, e.gigabytes, 0e0 AS billed_gigabytes, e.usd, 0e0 AS billed_usd
    FROM estimates AS e
    WHERE e.bill_item IS NOT NULL
    UNION ALL
    SELECT b.bill_item, 0e0 AS gigabytes, b.gigabytes AS billed_gigabytes, 0e0 AS usd, b.usd AS billed_usd
    FROM bill AS b
    WHERE b.bill_item IS NOT NULL
)
SELECT
    s.bill_item,
    round(sum(s.gigabytes), 6) AS estimated_gigabytes,
    round(sum(s.billed_gigabytes), 6) AS billed_gigabytes,
    round(sum(s.usd), 6) AS estimated_usd,
    round(sum(s.billed_usd), 6) AS billed_usd,
    round(1e2 * sum(s.usd) / nullif(sum(s.billed_usd), 0), 1) AS estimated_percent
FROM both_sides AS s
GROUP BY s.bill_item
ORDER BY sum(s.billed_usd) DESC, s.bill_item
