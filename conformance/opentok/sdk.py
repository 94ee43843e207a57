"""The two Python SDKs behind pipes: a line of JSON in is a call, a line of JSON out is what came of it.

A call is {"id", "sdk": "opentok" | "vonage", "client": {...}, "method", "arguments": {...}}. An argument {"enum": "Roles.moderator"} is a
member of an enumeration of the SDK, {"model": "SignalData", "fields": {...}} an object of it.
"""

import json
import sys

import opentok
import vonage_video
from opentok.opentok import MediaModes
from pydantic import BaseModel
from requests import Response
from vonage_http_client import Auth, HttpClient, HttpClientOptions
from vonage_video import models

clients = {}


def client_of(sdk, wanted):
    name = json.dumps([sdk, wanted], sort_keys=True)
    if name not in clients:
        clients[name] = opentok_client(**wanted) if sdk == "opentok" else vonage_client(**wanted)
    return clients[name]


def opentok_client(key, secret, url):
    return opentok.Client(key, secret, api_url=url)


def vonage_client(application, private_key, host, instance=0):
    auth = Auth(application_id=application, private_key=private_key)
    return vonage_video.Video(HttpClient(auth, HttpClientOptions(video_host=host)))


def argument(value):
    if isinstance(value, dict) and "enum" in value:
        name, member = value["enum"].split(".")
        return getattr({"MediaModes": MediaModes}.get(name) or getattr(opentok, name, None) or getattr(models, name), member)
    if isinstance(value, dict) and "model" in value:
        return getattr(models, value["model"])(**{key: argument(each) for key, each in value["fields"].items()})
    return value


def plain(value):
    if isinstance(value, BaseModel):
        return value.model_dump(mode="json")
    if isinstance(value, bytes):
        return value.decode()
    if isinstance(value, Response):
        return {"status": value.status_code, "text": value.text}
    if hasattr(value, "session_id"):
        return {"session_id": value.session_id}
    if isinstance(value, (list, tuple)):
        return [plain(each) for each in value]
    if hasattr(value, "count") and hasattr(value, "items"):
        return {"count": value.count, "items": [each.attrs() for each in value.items]}
    return value


def failure(error):
    told = [each for each in error.args if isinstance(each, (str, int))]
    response = getattr(error, "response", None)
    return {"class": type(error).__name__, "told": told, "status": getattr(response, "status_code", None)}


for line in sys.stdin:
    call = json.loads(line)
    try:
        method = getattr(client_of(call["sdk"], call["client"]), call["method"])
        answer = {"result": plain(method(**{key: argument(each) for key, each in call["arguments"].items()}))}
    except Exception as error:
        answer = {"error": failure(error)}
    print(json.dumps({"id": call["id"], **answer}), flush=True)
