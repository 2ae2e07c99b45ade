"""medabl.transforms."""
