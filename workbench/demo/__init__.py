"""``vpcflow demo``: an hour of a made-up estate's traffic through simulated Firehose, the real handler and a lake."""
