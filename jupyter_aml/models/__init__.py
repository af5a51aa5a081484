"""The model registry: files under a name, each registration its next version. Nothing here opens a model."""
