"""The data of a load as its caller sends it: its formats, dialects and columns, and where its bytes are kept."""
