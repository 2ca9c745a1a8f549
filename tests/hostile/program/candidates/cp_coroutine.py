"""A coroutine."""


async def pack(circles, seconds):
    return []
