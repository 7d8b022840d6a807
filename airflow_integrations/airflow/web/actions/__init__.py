"""Actions of people in the console and over the API."""
