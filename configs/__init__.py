"""The MONAI Bundle configs that come with medabl, as package data."""
