"""Results of a sweep: tables, pictures, pages."""
