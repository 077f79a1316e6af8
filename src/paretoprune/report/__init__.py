"""What a sweep hands over: tables, pictures, picked models with their cards."""
