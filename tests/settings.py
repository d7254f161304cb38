"""Settings under test: the real ones, on a data directory of their own.

``STRATA_DATABASE_URL`` is honoured, so that the same tests run on PostgreSQL.
"""

import atexit
import os
import shutil
import tempfile

_data = tempfile.mkdtemp(prefix="strata-tests-")
atexit.register(shutil.rmtree, _data, ignore_errors=True)
os.environ["STRATA_DATA"] = _data
os.environ["STRATA_SECRET_KEY"] = "only-for-tests"
# Nothing listens there: a test that wants Redis asks for the fixture redis_server.
os.environ["STRATA_REDIS_URL"] = "redis://127.0.0.1:1/0"

from dashboard.settings import *  # noqa: E402, F403

PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"},
}

if DATABASES["default"]["ENGINE"].endswith("sqlite3"):  # noqa: F405
    # On disk, as in production: threads and the workers that some tests start connect by themselves.
    DATABASES["default"]["TEST"] = {"NAME": f"{_data}/test.sqlite3"}  # noqa: F405
