"""The content of an answer: read within bounds, decoded, as a whole or as it arrives."""
