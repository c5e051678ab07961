import asyncio

from sottovoce.live.background import Background


async def test_who_stops_waits_for_what_was_begun_and_a_failure_stops_nobody() -> None:
    background, done = Background(), []

    async def work(number: int) -> None:
        await asyncio.sleep(0.01)
        if number == 1:
            raise ValueError
        done.append(number)

    for number in range(3):
        background.run(work(number))
    await background.done()
    assert done == [0, 2]
    await background.done()
