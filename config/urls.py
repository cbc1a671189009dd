"""Which address leads where: the admin for people, `/api/v1/` for scripts, and `/` to the admin."""

from django.contrib import admin
from django.urls import include, path, re_path
from django.views.generic import RedirectView

from trading.api.problems import no_such_path

urlpatterns = [
    path("", RedirectView.as_view(pattern_name="admin:index"), name="home"),
    path("admin/", admin.site.urls),
    path("api/v1/", include("trading.api.urls")),
    re_path(r"^api/", no_such_path),
]

# What Django itself refuses (a bad Host header, a file too large) is a problem document too under /api/.
handler400 = "trading.api.problems.bad_request"
handler403 = "trading.api.problems.permission_denied"
handler404 = "trading.api.problems.page_not_found"
handler500 = "trading.api.problems.server_error"
