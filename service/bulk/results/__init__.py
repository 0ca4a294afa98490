"""What became of the rows of a part: the result files of its jobs read, held against the jobs, and matched to rows."""
