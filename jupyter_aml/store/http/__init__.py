"""The store of a workspace that a Jupyter server with our extension has: the contract, spoken over HTTP."""
