from hypothesis import HealthCheck, settings

# The machines that run these tests are shared: how long one example takes says nothing.
settings.register_profile("shared-machine", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("shared-machine")
