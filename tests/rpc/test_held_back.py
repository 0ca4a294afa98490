"""What the server takes of a caller that it does not listen to, over real connections."""

import asyncio
from contextlib import suppress

from grpc import RpcMethodHandler, aio, stream_stream_rpc_method_handler
from grpc import method_handlers_generic_handler as handlers_of

from service.rpc import server

_PIECE = bytes(64 * 1024)
_MOST_BYTES = 2 * server.LOOK_AHEAD_BYTES
"""Some is on its way. gRPC by itself takes megabytes of a fast caller."""
_LISTENED = 600
"""Messages that are taken before: by then gRPC knows how fast the caller is."""
_STALLED_SECONDS = 0.5
"""After that no message is on its way any more; on a busy machine fewer are, which is no fault."""


async def test_a_caller_that_nobody_listens_to_is_held_back():
    """However fast it was, a caller's messages stay with it until they are asked for."""
    has_listened, is_over = asyncio.Event(), asyncio.Event()

    async def listen(requests, _context):
        for _ in range(_LISTENED):
            await anext(requests)
        has_listened.set()
        await is_over.wait()
        yield b""

    serving = aio.server(options=server.OPTIONS)
    handler: RpcMethodHandler[bytes, bytes] = stream_stream_rpc_method_handler(listen)
    serving.add_generic_rpc_handlers((handlers_of("test.Listener", {"Listen": handler}),))
    port = serving.add_insecure_port("127.0.0.1:0")
    await serving.start()
    async with aio.insecure_channel(f"127.0.0.1:{port}") as channel:
        call: aio.StreamStreamCall[bytes, bytes] = channel.stream_stream("/test.Listener/Listen")()
        for _ in range(_LISTENED):
            await call.write(_PIECE)
        await has_listened.wait()
        ahead = 0
        with suppress(TimeoutError):
            while ahead <= _MOST_BYTES:
                await asyncio.wait_for(call.write(_PIECE), _STALLED_SECONDS)
                ahead += len(_PIECE)

        call.cancel()
        is_over.set()
    await serving.stop(None)

    assert ahead <= _MOST_BYTES
