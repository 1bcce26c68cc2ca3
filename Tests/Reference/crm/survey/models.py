from django.db import models

CASCADE = models.CASCADE


class UserInfo(models.Model):
    username = models.CharField(max_length=32)
    password = models.CharField(max_length=32)


class ClassList(models.Model):
    title = models.CharField(max_length=32)


class Student(models.Model):
    user = models.CharField(max_length=32)
    pwd = models.CharField(max_length=32)
    cls = models.ForeignKey(ClassList, on_delete=CASCADE)


class Questionnaire(models.Model):
    title = models.CharField(max_length=64)
    cls = models.ForeignKey(ClassList, on_delete=CASCADE)
    creator = models.ForeignKey(UserInfo, on_delete=CASCADE)
    count_answer = models.IntegerField(default=0)


class Question(models.Model):
    caption = models.CharField(max_length=64)
    tp = models.IntegerField(choices=[(1, "打分"), (2, "单选"), (3, "评价")])
    naire = models.ForeignKey(Questionnaire, on_delete=CASCADE)


class Option(models.Model):
    name = models.CharField(max_length=32)
    score = models.IntegerField()
    qs = models.ForeignKey(Question, on_delete=CASCADE)


class Answer(models.Model):
    stu = models.ForeignKey(Student, on_delete=CASCADE)
    question = models.ForeignKey(Question, on_delete=CASCADE)
    option = models.ForeignKey(Option, null=True, blank=True, on_delete=CASCADE)
    val = models.IntegerField(null=True, blank=True)
    content = models.CharField(max_length=255, null=True, blank=True)
