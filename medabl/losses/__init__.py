"""medabl.losses."""
