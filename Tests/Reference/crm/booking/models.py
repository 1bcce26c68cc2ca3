from django.db import models

CASCADE = models.CASCADE


class UserInfo(models.Model):
    username = models.CharField(max_length=32)
    password = models.CharField(max_length=32)


class Room(models.Model):
    caption = models.CharField(max_length=32)


class Booking(models.Model):
    user = models.ForeignKey(UserInfo, on_delete=CASCADE)
    room = models.ForeignKey(Room, on_delete=CASCADE)
    booking_date = models.DateField()
    booking_time = models.IntegerField(choices=[(n, f"{n + 7}:00") for n in range(1, 14)])

    class Meta:
        unique_together = [("booking_date", "booking_time", "room")]
