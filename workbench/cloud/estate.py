"""What every account owns in every region, and what IPAM makes of it."""

from typing import Final

from .describe import Inventory
from .documents import Documents
from .ipam import Ipam, Sample, ipam_documents
from .tagging import tagged_resources

_NOTHING: Final = Inventory({})


class Estate:
    """The inventories of one cloud by account and region.

    Args:
        ipam: None: an account's IPAM answers what its documents say of one.
    """

    def __init__(self, ipam: Ipam | None) -> None:
        self._ipam = ipam
        self._documents: dict[tuple[str, str], Documents] = {}
        self._inventories: dict[tuple[str, str], Inventory] = {}
        self._samples: list[Sample] = []
        self._sampled = -1

    def own(self, documents: Documents, account_id: str, region: str) -> None:
        """Makes these documents, checked, what the account owns in the region."""
        self._documents[account_id, region] = documents
        self._inventories[account_id, region] = Inventory(
            {**documents, "tagged-resources": tagged_resources(documents, account_id, region)}
        )
        if self._ipam is not None and account_id not in self._ipam.leaves_out:
            self._samples.append(Sample(self._ipam.clock(), account_id, region, documents))
        self._sampled = -1

    def inventory(self, account_id: str, region: str) -> Inventory:
        """What the account owns in the region now; IPAM's home has IPAM's documents too."""
        if self._ipam is not None and (account_id, region) == (self._ipam.account_id, self._ipam.region):
            self._let_ipam_see(self._ipam)
        return self._inventories.get((account_id, region), _NOTHING)

    def _let_ipam_see(self, ipam: Ipam) -> None:
        horizon = ipam.clock() - ipam.lag_s
        seen = [sample for sample in self._samples if sample.at <= horizon]
        if len(seen) == self._sampled:
            return
        home = (ipam.account_id, ipam.region)
        documents = self._documents.get(home, {})
        tagged = {"tagged-resources": tagged_resources(documents, *home)}
        # What documents say of IPAM themselves goes before what is derived.
        self._inventories[home] = Inventory({**ipam_documents(ipam, seen), **documents, **tagged})
        self._sampled = len(seen)
