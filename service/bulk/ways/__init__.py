"""How the rows of a part are written, by a job or by calls: what decides it, and the port that calls go through."""
