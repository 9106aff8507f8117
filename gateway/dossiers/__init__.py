"""What the data protection officer keeps of an incident or a complaint, with its clock."""
