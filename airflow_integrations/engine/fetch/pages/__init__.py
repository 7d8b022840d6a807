"""The pages of a source, and what is made of them before their records are taken."""
