"""What the gRPC server is told of connections."""

from service.bulk.taking.incoming import AHEAD_BYTES
from service.rpc.server import OPTIONS
from service.settings.sections import GrpcSettings


def test_a_connection_holds_less_than_a_load_may_read_ahead():
    """A commit is reached behind what the window lets through before and after its part is told, and three messages."""
    options = dict(OPTIONS)

    assert 0 == options["grpc.http2.bdp_probe"]
    assert 2 * options["grpc.http2.lookahead_bytes"] + 3 * GrpcSettings().max_message_bytes <= AHEAD_BYTES
