"""The first answer of a request again for whoever repeats its id."""
