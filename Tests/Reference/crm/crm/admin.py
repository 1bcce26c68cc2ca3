from django.contrib import admin

from . import models


@admin.register(models.Customer)
class CustomerAdmin(admin.ModelAdmin):
    list_display = ["qq", "name", "status", "consultant", "recv_date", "last_consult_date"]
    list_filter = ["status", "source", "consultant"]
    list_select_related = ["consultant"]
    search_fields = ["qq", "name", "consultant__name"]
    exclude = ["course"]


@admin.register(models.CustomerDistribution)
class CustomerDistributionAdmin(admin.ModelAdmin):
    list_display = ["customer", "user", "ctime", "status", "memo"]
    list_filter = ["status", "user"]
    search_fields = ["customer__name", "user__name"]


@admin.register(models.SaleRank)
class SaleRankAdmin(admin.ModelAdmin):
    list_display = ["user", "num", "weight"]
    list_editable = ["num", "weight"]


@admin.register(models.ConsultRecord)
class ConsultRecordAdmin(admin.ModelAdmin):
    list_display = ["customer", "consultant", "date", "note"]


@admin.register(models.UserInfo)
class UserInfoAdmin(admin.ModelAdmin):
    list_display = ["name", "depart"]
