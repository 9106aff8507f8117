"""What gunicorn loads in the demo: the gateway as it is, and the demo's own sign-in page."""

from gateway.app import configure_logging, create_app
from gateway.ops import demo_sign_in
from gateway.settings import load_settings

configure_logging()
app = create_app(load_settings())
demo_sign_in.register(app, app.extensions["wiring"])
