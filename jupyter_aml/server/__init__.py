"""The Jupyter server extension: REST, live changes, and the watcher that records the cells of tracked notebooks."""
