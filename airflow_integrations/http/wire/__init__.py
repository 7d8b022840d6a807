"""What goes over the connections to one endpoint."""
