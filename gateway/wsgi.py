"""What gunicorn loads: ``gateway.wsgi:app``. Settings come from the environment."""

from gateway.app import configure_logging, create_app
from gateway.settings import load_settings

configure_logging()
app = create_app(load_settings())
