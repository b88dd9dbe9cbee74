"""What only a server can get wrong."""

import pandas as pd
import psycopg
import pytest
from sqlalchemy import make_url

from crm.errors import StoreError
from crm.store import open_store

pytestmark = pytest.mark.slow


def test_characters_that_copy_treats_specially_come_back_as_they_went_in(postgres_url):
    store = open_store(postgres_url)
    odd = ["tab\there", "line\nbreak", r"\N", r"\.", "", "back\\slash", "carriage\r"]
    store.write("accounts", pd.DataFrame({"account_id": [f"A{i}" for i in range(len(odd))], "name": odd}))
    assert store.read("accounts")["name"].tolist() == odd
    store.close()


def test_the_url_may_name_the_driver(postgres_url):
    open_store(postgres_url.replace("postgresql://", "postgresql+psycopg://")).close()


def test_a_database_that_does_not_exist_is_named(postgres_url):
    url = make_url(postgres_url).set(database="elsewhere").render_as_string()
    with pytest.raises(StoreError, match=r"/elsewhere cannot be used.*does not exist"):
        open_store(url)


def test_the_store_survives_connections_that_the_server_has_cut(postgres_url):
    store = open_store(postgres_url)
    url = make_url(postgres_url)
    with psycopg.connect(
        host=str(url.query["host"]), user="postgres", dbname="postgres", autocommit=True
    ) as connection:
        connection.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s", [url.database])
    assert store.read("accounts").empty
    store.close()
