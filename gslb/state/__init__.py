"""What is known now, and kept."""
