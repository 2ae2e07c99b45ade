"""medabl.report."""
