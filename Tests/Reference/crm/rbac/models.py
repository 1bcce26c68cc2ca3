from django.db import models


class Menu(models.Model):
    title = models.CharField(max_length=32)


class Group(models.Model):
    caption = models.CharField(max_length=16)
    menu = models.ForeignKey(Menu, on_delete=models.CASCADE)


class Permission(models.Model):
    title = models.CharField(max_length=32)
    url = models.CharField(max_length=64)
    menu_gp = models.ForeignKey("self", null=True, blank=True, on_delete=models.CASCADE)
    code = models.CharField(max_length=16)
    group = models.ForeignKey(Group, on_delete=models.CASCADE)


class Role(models.Model):
    title = models.CharField(max_length=32)
    permissions = models.ManyToManyField(Permission, blank=True)


class User(models.Model):
    username = models.CharField(max_length=32)
    password = models.CharField(max_length=64)
    email = models.EmailField(max_length=32)
    roles = models.ManyToManyField(Role, blank=True)
