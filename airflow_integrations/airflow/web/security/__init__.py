"""Who may read and change what, and which requests are turned away."""
