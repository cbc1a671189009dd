from django.apps import AppConfig


class BracketsConfig(AppConfig):
    name = "brackets"
    verbose_name = "Brackets"

    def ready(self) -> None:
        from brackets import checks  # noqa: F401  (registers the system checks)
