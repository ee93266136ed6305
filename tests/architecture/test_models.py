"""What every mapped class keeps to."""

import pytest
from sqlalchemy.orm import configure_mappers

from app.platform.database.model import Base
from app.platform.module import installed
from config.modules import MODULES

installed(MODULES)
configure_mappers()
MAPPERS = sorted(Base.registry.mappers, key=lambda mapper: mapper.class_.__name__)


@pytest.mark.parametrize("mapper", MAPPERS, ids=lambda mapper: mapper.class_.__name__)
def test_every_relationship_is_loaded_by_name_or_not_at_all(mapper):
    for relationship in mapper.relationships:
        assert relationship.lazy == "raise", relationship


@pytest.mark.parametrize("mapper", MAPPERS, ids=lambda mapper: mapper.class_.__name__)
def test_defaults_live_in_the_database(mapper):
    for column in mapper.local_table.columns:
        assert column.default is None, column
        assert column.onupdate is None, column


@pytest.mark.parametrize("mapper", MAPPERS, ids=lambda mapper: mapper.class_.__name__)
def test_a_table_is_named_after_its_module(mapper):
    module = mapper.class_.__module__.split(".")[2]
    assert mapper.local_table.name.startswith(f"{module}_")
