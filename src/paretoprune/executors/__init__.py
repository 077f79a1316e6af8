"""Where trials run. An executor takes jobs and hands back what finished, in any order."""
