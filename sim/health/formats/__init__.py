"""Bodies in the formats of the field, on request: small writers of our own, for invented contents of a stated size."""
