"""`medabl inspect`."""
