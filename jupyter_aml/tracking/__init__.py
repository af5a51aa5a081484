"""Tracking: experiments, runs, and what runs say about themselves (metrics, files, snapshot, git state, cells)."""
