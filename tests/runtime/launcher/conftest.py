from tests.job_site import site

__all__ = ["site"]
