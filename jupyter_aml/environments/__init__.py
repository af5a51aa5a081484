"""Environments: what a run is executed in, described, versioned, built once and cached."""
