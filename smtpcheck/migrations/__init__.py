"""Steps of the database schema, each with its way back."""
