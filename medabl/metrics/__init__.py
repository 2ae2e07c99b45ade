"""medabl.metrics."""
