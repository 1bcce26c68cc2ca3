"""Pages at random: what a CRM's staff and its old code do in a day, stale objects saved whole among it."""
import random
from datetime import timedelta

from crm.models import ConsultRecord, Customer, CustomerDistribution, UserInfo

# What the database refuses: a rule of paidan, a unique index.
REFUSALS = ("23PD1", "23505")


class Staff:
    def __init__(self, seed, today):
        self.random = random.Random(seed)
        self.today = today
        self.sellers = list(UserInfo.objects.order_by("id"))
        # Objects that a page has read and may save later.
        self.read = {}

    def work(self, pages):
        """Runs that many pages; how often each refusal was met. Any other error is raised."""
        refused = {}
        for _ in range(pages):
            try:
                self.page()
            except Exception as error:
                state = getattr(getattr(error.__cause__, "diag", None), "sqlstate", None)
                if state not in REFUSALS:
                    raise
                refused[state] = refused.get(state, 0) + 1
        return refused

    def page(self):
        ids = list(Customer.objects.values_list("pk", flat=True))
        pages = [self.enter] if not ids else [
            self.enter, self.enter, self.open, self.save_stale, self.grab, self.hand_out, self.note, self.release,
            self.enrol, self.end, self.update, self.date, self.delete]
        self.random.choice(pages)(self.random.choice(ids) if ids else 0, self.random.choice(self.sellers))

    def chance(self, percent):
        return self.random.randrange(100) < percent

    def enter(self, _, seller):
        given = self.random.choice([None, seller])
        made = Customer.objects.create(qq=str(self.random.getrandbits(60)), name="客户", gender=1, consultant=given)
        if given and self.chance(80):
            CustomerDistribution.objects.create(customer=made, user=given, ctime=self.today())
        self.read[made.pk] = made

    def open(self, pk, _):
        self.read[pk] = Customer.objects.get(pk=pk)

    def save_stale(self, pk, _):
        if pk in self.read:
            self.read[pk].company = str(self.random.random())
            self.read[pk].save()

    def take(self, customer, seller):
        customer.consultant, customer.recv_date, customer.last_consult_date = seller, self.today(), self.today()
        customer.save()

    def grab(self, pk, seller):
        self.take(Customer.objects.get(pk=pk), seller)
        if self.chance(70):
            CustomerDistribution.objects.create(customer_id=pk, user=seller, ctime=self.today())

    def hand_out(self, pk, seller):
        day = self.today() + timedelta(self.random.choice([0, 0, 0, -3, 1, 30]))
        CustomerDistribution.objects.create(customer_id=pk, user=seller, ctime=day)
        if self.chance(70):
            self.take(Customer.objects.get(pk=pk), seller)

    def note(self, pk, seller):
        customer = Customer.objects.get(pk=pk)
        ConsultRecord.objects.create(customer=customer, consultant=customer.consultant or seller, note="聊过")

    def release(self, pk, _):
        customer = Customer.objects.get(pk=pk)
        customer.consultant = None
        customer.save()

    def enrol(self, pk, _):
        customer = Customer.objects.get(pk=pk)
        customer.status = self.random.choice([1, 2])
        customer.save()

    def end(self, pk, _):
        for row in CustomerDistribution.objects.filter(customer_id=pk).order_by("-id")[:1]:
            row.status, row.memo = self.random.choice([1, 2, 3, 4]), "备注"
            row.save()

    def update(self, pk, seller):
        changes = self.random.choice(
            [{"consultant": None}, {"consultant": seller}, {"last_consult_date": self.today(), "company": "公司"}])
        Customer.objects.filter(pk=pk).update(**changes)

    def date(self, pk, _):
        day = self.today() + timedelta(self.random.choice([-3, 0, 3]))
        CustomerDistribution.objects.filter(customer_id=pk, status=1).update(ctime=day)

    def delete(self, pk, _):
        if self.chance(15):
            Customer.objects.get(pk=pk).delete()
            self.read.pop(pk, None)
        elif self.chance(20):
            CustomerDistribution.objects.filter(customer_id=pk, status=1).delete()
