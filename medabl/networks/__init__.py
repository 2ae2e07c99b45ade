"""medabl.networks."""
