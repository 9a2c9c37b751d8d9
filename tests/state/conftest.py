from tests.controllers.conftest import session

__all__ = ["session"]
