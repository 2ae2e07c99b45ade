"""medabl.data."""
