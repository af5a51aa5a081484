"""The ground floor: all that is written down, and how it is found again."""
