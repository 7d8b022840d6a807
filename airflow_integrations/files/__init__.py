"""Files where fsspec finds them, and who we are there: what listening, fetching and writing files share."""
