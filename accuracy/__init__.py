"""The measure of the product: an estate with churn whose every truth is known to the judge alone."""
