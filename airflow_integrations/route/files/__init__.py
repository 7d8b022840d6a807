"""The files that a route names, and a route together with them."""
