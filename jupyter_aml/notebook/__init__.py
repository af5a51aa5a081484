"""The notebook's face: magics and displays."""
