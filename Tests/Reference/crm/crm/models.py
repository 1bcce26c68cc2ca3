from django.conf import settings
from django.db import models

CASCADE = models.CASCADE


class Department(models.Model):
    title = models.CharField(max_length=16)
    code = models.IntegerField(unique=True)


class UserInfo(models.Model):
    auth = models.OneToOneField("rbac.User", null=True, blank=True, on_delete=CASCADE)
    name = models.CharField(max_length=16)
    username = models.CharField(max_length=32)
    password = models.CharField(max_length=64)
    email = models.EmailField(max_length=64)
    depart = models.ForeignKey(Department, to_field="code", on_delete=CASCADE)

    def __str__(self):
        return self.name


class Course(models.Model):
    name = models.CharField(max_length=32)


class School(models.Model):
    title = models.CharField(max_length=32)


class ClassList(models.Model):
    school = models.ForeignKey(School, on_delete=CASCADE)
    course = models.ForeignKey(Course, on_delete=CASCADE)
    semester = models.IntegerField()
    price = models.IntegerField()
    start_date = models.DateField()
    graduate_date = models.DateField(null=True, blank=True)
    memo = models.CharField(max_length=256, null=True, blank=True)
    teachers = models.ManyToManyField(UserInfo, related_name="teach_classes")
    tutor = models.ForeignKey(UserInfo, related_name="classes", on_delete=CASCADE)


class Customer(models.Model):
    qq = models.CharField(max_length=64, unique=True)
    name = models.CharField(max_length=16)
    gender = models.SmallIntegerField(choices=[(1, "男"), (2, "女")])
    education = models.IntegerField(
        null=True, blank=True, choices=[
            (1, "重点大学"), (2, "普通本科"), (3, "独立院校"), (4, "民办本科"), (5, "大专"), (6, "民办专科"), (7, "高中"),
            (8, "其他")])
    graduation_school = models.CharField(max_length=64, null=True, blank=True)
    major = models.CharField(max_length=64, null=True, blank=True)
    experience = models.IntegerField(
        null=True, blank=True, choices=[
            (1, "在校生"), (2, "应届毕业"), (3, "半年以内"), (4, "半年至一年"), (5, "一年至三年"), (6, "三年至五年"),
            (7, "五年以上")])
    work_status = models.IntegerField(null=True, blank=True, default=1, choices=[(1, "在职"), (2, "无业")])
    company = models.CharField(max_length=64, null=True, blank=True)
    salary = models.CharField(max_length=64, null=True, blank=True)
    source = models.SmallIntegerField(
        default=1, choices=list(enumerate([
            "qq群", "内部转介绍", "官方网站", "百度推广", "360推广", "搜狗推广", "腾讯课堂", "广点通", "高校宣讲", "渠道代理",
            "51cto", "智汇推", "网盟", "DSP", "SEO", "其它"], 1)))
    referral_from = models.ForeignKey("self", null=True, blank=True, related_name="referrals", on_delete=CASCADE)
    course = models.ManyToManyField(Course, blank=True)
    status = models.IntegerField(default=2, choices=[(1, "已报名"), (2, "未报名")])
    consultant = models.ForeignKey(
        UserInfo, related_name="customers", on_delete=CASCADE, limit_choices_to={"depart_id": 1001},
        null=settings.CONSULTANT_MAY_BE_NULL, blank=settings.CONSULTANT_MAY_BE_NULL)
    recv_date = models.DateField(null=True, blank=True)
    date = models.DateField(auto_now_add=True)
    last_consult_date = models.DateField(auto_now_add=True)

    def __str__(self):
        return self.name


class CustomerDistribution(models.Model):
    user = models.ForeignKey(UserInfo, related_name="cds", on_delete=CASCADE)
    customer = models.ForeignKey(Customer, related_name="dealers", on_delete=CASCADE)
    ctime = models.DateField()
    status = models.IntegerField(default=1, choices=[(1, "正在跟进"), (2, "已成单"), (3, "3天未跟进"), (4, "15天未成单")])
    memo = models.CharField(max_length=255, null=True, blank=True)


class SaleRank(models.Model):
    user = models.ForeignKey(UserInfo, on_delete=CASCADE)
    num = models.IntegerField()
    weight = models.IntegerField()


class ConsultRecord(models.Model):
    customer = models.ForeignKey(Customer, on_delete=CASCADE)
    consultant = models.ForeignKey(UserInfo, on_delete=CASCADE)
    date = models.DateField(auto_now_add=True)
    note = models.TextField()


class PaymentRecord(models.Model):
    customer = models.ForeignKey(Customer, on_delete=CASCADE)
    class_list = models.ForeignKey(ClassList, null=True, blank=True, on_delete=CASCADE)
    pay_type = models.IntegerField(
        default=1, choices=[(1, "订金/报名费"), (2, "学费"), (3, "转班"), (4, "退学"), (5, "退款")])
    paid_fee = models.IntegerField(default=0)
    turnover = models.IntegerField(null=True, blank=True)
    quote = models.IntegerField(null=True, blank=True)
    note = models.TextField(null=True, blank=True)
    date = models.DateTimeField(auto_now_add=True)
    consultant = models.ForeignKey(UserInfo, on_delete=CASCADE)


class Student(models.Model):
    customer = models.OneToOneField(Customer, on_delete=CASCADE)
    username = models.CharField(max_length=32)
    password = models.CharField(max_length=64)
    emergency_contract = models.CharField(max_length=32, null=True, blank=True)
    class_list = models.ManyToManyField(ClassList, blank=True)
    company = models.CharField(max_length=128, null=True, blank=True)
    location = models.CharField(max_length=64, null=True, blank=True)
    position = models.CharField(max_length=64, null=True, blank=True)
    salary = models.IntegerField(null=True, blank=True)
    welfare = models.CharField(max_length=256, null=True, blank=True)
    date = models.DateField(null=True, blank=True)
    memo = models.CharField(max_length=256, null=True, blank=True)


class CourseRecord(models.Model):
    class_obj = models.ForeignKey(ClassList, on_delete=CASCADE)
    day_num = models.IntegerField()
    teacher = models.ForeignKey(UserInfo, on_delete=CASCADE)
    date = models.DateField(auto_now_add=True)
    course_title = models.CharField(max_length=64, null=True, blank=True)
    course_memo = models.TextField(null=True, blank=True)
    has_homework = models.BooleanField(default=True)
    homework_title = models.CharField(max_length=64, null=True, blank=True)
    homework_memo = models.TextField(null=True, blank=True)
    exam = models.TextField(null=True, blank=True)


class StudyRecord(models.Model):
    course_record = models.ForeignKey(CourseRecord, on_delete=CASCADE)
    student = models.ForeignKey(Student, on_delete=CASCADE)
    record = models.CharField(max_length=64, default="checked")
    score = models.IntegerField(default=-1)
    homework_note = models.CharField(max_length=255, null=True, blank=True)
    note = models.CharField(max_length=255, null=True, blank=True)
    homework = models.FileField(null=True, blank=True)
    stu_memo = models.TextField(null=True, blank=True)
    date = models.DateTimeField(auto_now_add=True)
