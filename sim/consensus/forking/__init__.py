"""What all protocols share whose chains fork: the blocks a node knows, shares of power or stake, and lots."""
