-- The roles that are shipped, with what they may call; put in where absent. 管理员 may call everything.
-- for_roles: M 运营 and 销售总监, S 销售, D 调度.

CREATE TEMPORARY TABLE shipped (caption text, code text, methods text, url text, title text, for_roles text) ON COMMIT DROP;
INSERT INTO shipped VALUES
    ('任务', 'job.read', 'GET', '/v1/jobs|/v1/jobs/[^/]+', '查看任务', 'MD'),
    ('任务', 'job.create', 'POST', '/v1/jobs|/v1/jobs/bulk', '提交任务', ''),
    ('任务', 'job.mend', 'POST', '/v1/jobs/[^/]+/(retry|cancel)', '重试或取消任务', ''),
    ('任务', 'job.discard', 'DELETE', '/v1/jobs/[^/]+', '丢弃任务', ''),
    ('任务', 'queue.read', 'GET', '/v1/queues', '查看队列', 'M'),
    ('任务', 'queue.control', 'POST', '/v1/queues/[^/]+/(pause|resume)', '暂停或恢复队列', ''),
    ('任务', 'schedule.read', 'GET', '/v1/schedules', '查看定时计划', 'M'),
    ('任务', 'schedule.run', 'POST', '/v1/schedules/[^/]+/run', '立即运行计划', ''),
    ('任务', 'worker.read', 'GET', '/v1/workers', '查看工作进程', 'M'),
    ('任务', 'metrics.read', 'GET', '/metrics', '读取指标', ''),
    ('导入', 'import.create', 'POST', '/v1/imports', '上传导入文件', 'M'),
    ('导入', 'import.read', 'GET', '/v1/imports|/v1/imports/[^/]+', '查看导入和模板', 'M'),
    ('导入', 'import.rows', 'GET', '/v1/imports/[^/]+/(rows|errors)', '查看导入明细和错误文件', 'M'),
    ('导入', 'import.control', 'POST', '/v1/imports/[^/]+/(cancel|undo)', '取消或撤销导入', 'M'),
    ('客户', 'customer.create', 'POST', '/v1/customers', '新增客户', 'MS'),
    ('客户', 'customer.list', 'GET', '/v1/customers', '查询客户', 'MS'),
    ('客户', 'customer.read', 'GET', '/v1/customers/(\d+)|/v1/customers/(\d+)/explain', '查看客户', 'MS'),
    ('客户', 'customer.edit', 'PATCH', '/v1/customers/(\d+)', '修改客户资料', 'MS'),
    ('客户', 'customer.follow', 'POST', '/v1/customers/(\d+)/follow-ups', '写跟进记录', 'MS'),
    ('客户', 'customer.grab', 'POST', '/v1/customers/(\d+)/grab', '抢公海客户', 'S'),
    ('客户', 'customer.release', 'POST', '/v1/customers/(\d+)/release', '退回客户', 'S'),
    ('客户', 'customer.deal', 'POST', '/v1/customers/(\d+)/deal', '报成单', 'MS'),
    ('客户', 'customer.pay', 'POST', '/v1/customers/(\d+)/payments', '登记缴费', 'MS'),
    ('客户', 'pool.read', 'GET', '/v1/pool', '查看公海', 'MS'),
    ('客户管理', 'customer.all', 'GET', '/v1/customers', '查看全部客户', 'M'),
    ('客户管理', 'customer.move', 'POST', '/v1/customers/(\d+)/transfer', '转移客户', 'M'),
    ('客户管理', 'customer.reopen', 'POST', '/v1/customers/(\d+)/reopen', '重新打开客户', 'M'),
    ('客户管理', 'customer.protect', 'POST', '/v1/customers/(\d+)/protect', '保护客户', 'M'),
    ('客户管理', 'customer.late', 'POST', '/v1/customers/(\d+)/deal', '补报成单', 'M'),
    ('客户管理', 'customer.to_pool', 'POST', '/v1/customers/(\d+)/to-pool', '放入公海', 'M'),
    ('分配', 'sweep.run', 'POST', '/v1/sweeps', '运行过期清理', 'MD'),
    ('分配', 'rank.read', 'GET', '/v1/ranks|/v1/ranks/cycle', '查看分配份额', 'M'),
    ('分配', 'rank.edit', 'PUT', '/v1/ranks', '修改分配份额', 'M'),
    ('分配', 'fairness.read', 'GET', '/v1/fairness', '查看分配公平性', 'M'),
    ('分配', 'absence.create', 'POST', '/v1/absences', '登记请假', 'M'),
    ('分配', 'user.offboard', 'POST', '/v1/users/(\d+)/offboard', '离职回收', 'M'),
    ('分配', 'contact.read', 'GET', '/v1/users/(\d+)/contacts', '查看他人联系方式', 'M'),
    ('分配', 'contact.edit', 'PUT', '/v1/users/(\d+)/contacts', '修改他人联系方式', 'M'),
    ('通知', 'notice.read', 'GET', '/v1/notifications', '查看通知', 'M'),
    ('通知', 'notice.resend', 'POST', '/v1/notifications/(\d+)/resend', '重发通知', 'M'),
    ('权限', 'admin.all', '*', '/v1/.*', '调用全部接口', ''),
    ('权限', 'access.list', 'GET', '/v1/access/(users|roles|permissions)', '查看用户和角色', ''),
    ('权限', 'access.read', 'GET', '/v1/access/(users|roles|permissions)/(\d+)', '查看一个用户或角色', ''),
    ('权限', 'access.create', 'POST', '/v1/access/(users|roles|permissions)', '新增用户或角色', ''),
    ('权限', 'access.edit', 'PATCH,DELETE', '/v1/access/(users|roles|permissions)/(\d+)', '修改或删除用户或角色', ''),
    ('权限', 'depart.read', 'GET', '/v1/departments|/v1/departments/(\d+)', '查看部门', 'M'),
    ('权限', 'depart.create', 'POST', '/v1/departments', '新增部门', ''),
    ('权限', 'depart.edit', 'PATCH,DELETE', '/v1/departments/(\d+)', '修改或删除部门', '');

INSERT INTO rbac_menu (title) SELECT '派单' WHERE NOT EXISTS (SELECT FROM rbac_menu WHERE title = '派单');
INSERT INTO rbac_group (caption, menu_id)
SELECT DISTINCT caption, (SELECT min(id) FROM rbac_menu WHERE title = '派单') FROM shipped
WHERE NOT EXISTS (
    SELECT FROM rbac_group g JOIN rbac_menu m ON m.id = g.menu_id WHERE g.caption = shipped.caption AND m.title = '派单')
ORDER BY caption;
INSERT INTO rbac_permission (title, url, code, methods, group_id)
SELECT title, url, code, methods, (
    SELECT min(g.id) FROM rbac_group g JOIN rbac_menu m ON m.id = g.menu_id
    WHERE g.caption = shipped.caption AND m.title = '派单')
FROM shipped WHERE NOT EXISTS (SELECT FROM rbac_permission p WHERE p.code = shipped.code) ORDER BY code;

INSERT INTO rbac_role (title)
SELECT title FROM unnest(ARRAY['管理员', '运营', '销售总监', '销售', '调度']) WITH ORDINALITY AS role (title, place)
WHERE NOT EXISTS (SELECT FROM rbac_role r WHERE r.title = role.title) ORDER BY place;
INSERT INTO rbac_role_permissions (role_id, permission_id)
SELECT r.id, p.id
FROM (SELECT title, min(id) AS id FROM rbac_role GROUP BY title) r
JOIN (VALUES ('管理员', ''), ('运营', 'M'), ('销售总监', 'M'), ('销售', 'S'), ('调度', 'D')) AS letter (title, letter)
    ON letter.title = r.title
JOIN shipped s ON letter.letter = '' OR position(letter.letter IN s.for_roles) > 0
JOIN (SELECT code, min(id) AS id FROM rbac_permission GROUP BY code) p ON p.code = s.code
WHERE NOT EXISTS (SELECT FROM rbac_role_permissions have WHERE have.role_id = r.id AND have.permission_id = p.id)
ORDER BY r.id, p.id;
