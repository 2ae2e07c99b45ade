"""`medabl bundle`."""
