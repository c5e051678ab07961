from tests.http.conftest import Server


async def test_there_is_a_sentence_to_say_for_each_skill_in_each_language(server: Server) -> None:
    english = (await server.http.get("/api/v1/examples")).json()
    german = (await server.http.get("/api/v1/examples", params={"language": "de"})).json()
    assert {each["skill"] for each in english} == {each["skill"] for each in german} >= {"reminder", "timer", "note"}
    assert {"skill": "time", "text": "wie spät ist es"} in german


async def test_another_language_is_refused_and_those_there_are_named(server: Server) -> None:
    response = await server.http.get("/api/v1/examples", params={"language": "fr"})
    assert (response.status_code, response.json()["code"]) == (422, "language_not_supported")
    assert "de, en" in response.json()["detail"]
