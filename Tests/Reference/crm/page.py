"""Pages of the CRM, written by Django itself, for the tests of what the database makes of them.

    page.py PACKAGES MADE

PACKAGES is where the pinned Django is kept; it is fetched from PyPI when it is not there. MADE is where the migrations of
the models are made. Then each line of standard input, {"database": {NAME, HOST, USER}, "code": "..."}, is run as the code
of a page in that database, in autocommit, and answered by one line of standard output: {"value": what the last line of
the code gives, a text as it is, else as JSON} or {"error": {"type", "text", "state" (SQLSTATE), "hint"}}. What a page of a database named stays known to
its next one. Environment: CRM_CONSULTANT=required for the models as they were before they were changed for paidan.
"""
import ast
import datetime
import importlib
import io
import json
import os
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [HERE, os.path.dirname(HERE)]

PINNED = [
    "Django==5.2.19", "asgiref==3.13.0", "sqlparse==0.6.1", "psycopg==3.3.9", "psycopg-binary==3.3.9",
    "typing_extensions==4.16.0",
]


def use_clock_of_database(connection):
    """A page's machine has the same time as the database, whose clock the tests shift."""
    from django.db.models import DateField, DateTimeField

    def read(function, otherwise):
        with connection.cursor() as cursor:
            cursor.execute("SELECT to_regprocedure(%s) IS NOT NULL", [function])
            if not cursor.fetchone()[0]:
                return otherwise()
            cursor.execute(f"SELECT {function}")
            return cursor.fetchone()[0]

    def today():
        return read("paidan.today()", datetime.date.today)

    def now():
        return read("paidan.now()", lambda: datetime.datetime.now(datetime.timezone.utc))

    for field, clock in ((DateField, today), (DateTimeField, now)):
        def pre_save(self, instance, add, clock=clock):
            if self.auto_now or self.auto_now_add and add:
                setattr(instance, self.attname, clock())
            return getattr(instance, self.attname)
        field.pre_save = pre_save
    return today


def manage(*words):
    """A command of manage.py; what it prints."""
    from django.core.management import call_command

    out = io.StringIO()
    call_command(*words, stdout=out, stderr=out)
    return out.getvalue()


def names(today):
    """What the code of pages may use without importing it."""
    from crm import models as crm
    from django.db import connection, models
    from django.test import Client
    from rbac import models as rbac

    known = {name: model for name, model in vars(crm).items() if isinstance(model, type)}
    known |= {"rbac": rbac, "connection": connection, "today": today, "manage": manage, "Client": Client,
              "date": datetime.date, "timedelta": datetime.timedelta, "Q": models.Q, "F": models.F}
    return known


def run(code, names):
    """Runs the code; the value of its last line if that is an expression."""
    tree = ast.parse(code)
    last = tree.body.pop() if tree.body and isinstance(tree.body[-1], ast.Expr) else None
    exec(compile(tree, "page", "exec"), names)
    return eval(compile(ast.Expression(last.value), "page", "eval"), names) if last else None


def describe(error):
    diagnosis = getattr(error.__cause__, "diag", None)
    return {"type": type(error).__name__, "text": str(error), "state": getattr(diagnosis, "sqlstate", None),
            "hint": getattr(diagnosis, "message_hint", None)}


def main(packages, made):
    from pypi import fetch

    fetch(packages, PINNED)
    sys.path[:0] = [packages, os.path.dirname(made)]
    os.environ["DJANGO_SETTINGS_MODULE"] = "settings"
    import django
    from django.conf import settings
    from django.db import connection

    for app in settings.MIGRATION_MODULES:
        os.makedirs(os.path.join(made, app), exist_ok=True)
        open(os.path.join(made, app, "__init__.py"), "a").close()
    open(os.path.join(made, "__init__.py"), "a").close()
    importlib.invalidate_caches()
    django.setup()
    today = use_clock_of_database(connection)
    spaces = {}
    answers, sys.stdout = sys.stdout, sys.stderr
    for line in sys.stdin:
        order = json.loads(line)
        if any(connection.settings_dict[key] != value for key, value in order["database"].items()):
            connection.close()
            connection.settings_dict.update(order["database"])
        space = spaces.setdefault(order["database"]["NAME"], names(today))
        try:
            value = run(order["code"], space)
            answer = {"value": value if value is None or isinstance(value, str) else json.dumps(value, default=str)}
        except Exception as error:
            answer = {"error": describe(error)}
        answers.write(json.dumps(answer) + "\n")
        answers.flush()


if __name__ == "__main__":
    main(*sys.argv[1:])
