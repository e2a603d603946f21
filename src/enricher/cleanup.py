"""Old snapshots go: nobody needs what the pointer no longer names, except who has just read the pointer.

https://docs.aws.amazon.com/AmazonS3/latest/API/API_ListObjectsV2.html, API_DeleteObjects.html
"""

from typing import Any, Final

from enricher.published import Place

KEPT_SECONDS: Final = 3600


def delete_old_snapshots(s3: Any, place: Place, current: str, now: float) -> tuple[int, tuple[str, ...]]:
    """Delete snapshots beside the pointer that are older than an hour (S3's clock) and not the ``current`` one's key.

    Returns:
        How many are gone; and what went wrong, a line: litter is no reason to fail.
    """
    deleted = 0
    owner = {} if place.owner is None else {"ExpectedBucketOwner": place.owner}
    try:
        pages = s3.get_paginator("list_objects_v2").paginate(Bucket=place.bucket, Prefix=place.snapshots, **owner)
        for page in pages:
            old = [
                {"Key": told["Key"]}
                for told in page.get("Contents") or ()
                if now - told["LastModified"].timestamp() > KEPT_SECONDS and told["Key"] != current
            ]
            if old:
                answer = s3.delete_objects(Bucket=place.bucket, Delete={"Objects": old, "Quiet": True}, **owner)
                deleted += len(old) - len(answer.get("Errors") or ())
    except Exception as error:  # noqa: BLE001 - whatever it is, the inventory is published
        return deleted, (f"deleting old snapshots failed: {' '.join(str(error).split())}",)
    return deleted, ()
