"""What to answer, decided when state changes and never when a query comes."""
