"""The data behind the console's pages and the API's answers."""
