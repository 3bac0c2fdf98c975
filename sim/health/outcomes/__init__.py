"""What failure does to patients, payers and trust: the domain metrics M1 to M22, each defined once, from the ground truth."""
