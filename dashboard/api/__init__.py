"""The API, version 1."""

from ninja import NinjaAPI

api = NinjaAPI(title="Strata", version="1", docs_url=None)
