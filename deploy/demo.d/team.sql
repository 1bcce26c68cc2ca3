-- A made-up sales team, their shares, and the courses that the sample sheet asks for.
INSERT INTO crm_course (name) VALUES ('Python'), ('Linux');
INSERT INTO crm_userinfo (name, username, email, depart_id) VALUES
    ('赵敏', 'zhaomin', 'zhaomin@example.com', 1001), ('钱伟', 'qianwei', 'qianwei@example.com', 1001),
    ('孙丽', 'sunli', 'sunli@example.com', 1001), ('周强', 'zhouqiang', 'zhouqiang@example.com', 1001),
    ('吴静', 'wujing', 'wujing@example.com', 1001);
INSERT INTO crm_salerank (user_id, num, weight)
SELECT id, num, weight FROM crm_userinfo
JOIN (VALUES ('zhaomin', 5, 3), ('qianwei', 8, 6), ('sunli', 6, 4), ('zhouqiang', 2, 2), ('wujing', 4, 5))
    AS share (username, num, weight) USING (username);
