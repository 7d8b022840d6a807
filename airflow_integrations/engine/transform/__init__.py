"""transform: apply the route's steps to what fetch staged."""
