"""The gRPC face: each module decodes, calls one method of an org, and encodes."""
