"""What users write programs with: environments and streams.

Holds how a program is described and handed over. Does not hold how it is planned (``sage_local.plan``) or run
(``sage_local.runtime``). May import every room but ``testing``, ``cli``, ``bench`` and ``bridge``.
"""
