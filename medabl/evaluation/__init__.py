"""medabl.evaluation."""
