"""`aml`: the workspace from a terminal. Commands read arguments, call the workspace, and print."""
