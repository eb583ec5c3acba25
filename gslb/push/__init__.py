"""Other people's DNS made to match: policies as records of Route 53 and Google Cloud DNS."""
