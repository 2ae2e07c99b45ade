"""medabl.geometry."""
