"""``vpcflow doctor``: what is wrong with a deployment, why it matters, and the mend. It writes nothing.

A run's way: `stack` (which things there are) → `gather` and its helpers (what AWS says of them, through `ask`) →
`snapshot` (that, as plain data) → `checks` and theirs (pure: what is wrong) → `report`. `probe` asks AWS what
docs/unverified.md only claims.
"""
