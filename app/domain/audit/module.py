"""What audit brings to the house."""

from app.platform.module import Module

module = Module(
    name="audit",
    summary="The trail of what was changed, by whom and when: recorded by the database itself, sealed, and shown",
    recorder="audit_record",
)
