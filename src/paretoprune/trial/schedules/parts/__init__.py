"""The steps that schedules are built from; none of them is a schedule."""
