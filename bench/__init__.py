"""Speed, size and API calls, as ratios taken in one run."""
