"""medabl.engine."""
