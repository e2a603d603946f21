"""What the function holds, answers and refuses at the bounds: bombs, largest events, least time, poison anywhere."""
