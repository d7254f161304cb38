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

from dashboard.settings import *  # noqa: E402, F403

PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"},
}
