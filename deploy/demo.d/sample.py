#!/usr/bin/env python3
"""Writes a made-up sheet of 2,000 customers, as untidy as real ones, to standard output: CSV as a Chinese Excel saves it
(GB18030). Always the same."""
import random
import sys

dice = random.Random(20180519)
surnames = "王李张刘陈杨赵黄周吴徐孙胡朱高林何郭马罗梁宋郑谢韩唐冯于董萧"
given = "伟芳娜敏静丽强磊军洋勇艳杰娟涛明超兰霞平刚桂英华玉萍红建文辉梅志国海燕"
schools = ["兰州石化职业技术学院", "中国石油大学（华东）", "示例师范学院", "示例理工大学", "河西学院", ""]
majors = ["计算机科学与技术", "软件工程", "会计学", "市场营销", "机械制造", ""]
educations = ["重点大学", "普通本科", "独立院校", "民办本科", "大专", "民办专科", "高中", "其他", "2", ""]
experiences = ["在校生", "应届毕业", "半年以内", "半年至一年", "一年至三年", "三年至五年", "五年以上", ""]
sources = ["qq群", "QQ群", "内部转介绍", "官方网站", "百度推广", "360推广", "其他", "其它", ""]
courses = ["Python", "Linux", "Python，Linux", "", "", ""]
header = "QQ号 学生姓名 性别 学历 毕业学校 所学专业 工作经验 职业状态 目前就职公司 当前薪资 客户来源 咨询课程 备注".split()


def quoted(cell):
    return '"' + cell.replace('"', '""') + '"' if any(c in cell for c in ',"\r\n') else cell


def person():
    name = dice.choice(surnames) + "".join(dice.choice(given) for _ in range(dice.choice((1, 2, 2))))
    return [
        str(dice.randrange(10_000_000, 3_999_999_999)), name, dice.choice(("男", "女", "1", "2", "")),
        dice.choice(educations), dice.choice(schools), dice.choice(majors), dice.choice(experiences),
        dice.choice(("在职", "无业", "")), dice.choice(("", "示例科技有限公司", "示例商贸")),
        dice.choice(("", "8000", "12k", "面议")), dice.choice(sources), dice.choice(courses),
        dice.choice(("", "", "", "晚上联系", '说"再考虑"')),
    ]


def spoiled(row, earlier):
    """One of the faults that real sheets have."""
    fault = dice.randrange(10)
    if fault == 0: row[0] = dice.choice(("c", "1", "123", "0123456", "8888888888888"))
    elif fault == 1: row[0] = "1.23457E+17"
    elif fault == 2: row[1] = ""
    elif fault == 3: row[2] = dice.choice(("未知", "保密"))
    elif fault == 4: row[3] = "本科"
    elif fault == 5: row[10] = "朋友圈"
    elif fault == 6: row[11] = "Python、Java"
    elif fault == 7: row[1] = "名字写得比十六个字还要长得多的客户某某"
    else: row[0] = dice.choice(earlier)[0]
    return row


rows = []
for number in range(2000):
    row = person()
    if number % 20 == 7 and rows:
        row = spoiled(row, rows)
    elif number % 17 == 3:
        row[0] = " " + row[0] + " "
    rows.append(row)
lines = [",".join(header)] + [",".join(quoted(cell) for cell in row) for row in rows]
lines.insert(2, "123456789,张三,1,,,,,,,,,,（示例行请自行删除）")
sys.stdout.buffer.write("\r\n".join(lines).encode("gb18030"))
