-- Keys of the customer tables. Imports insert here at thousands of rows a second: no index without a reader.

SELECT paidan.ensure_unique('crm_customer', '{qq}'),
    paidan.ensure_unique('crm_customer_course', '{customer_id,course_id}'),
    paidan.ensure_unique('crm_student', '{customer_id}'),
    paidan.ensure_unique('crm_student_class_list', '{student_id,classlist_id}');

SELECT paidan.ensure_foreign_key(of_table::regclass, of_column, to_table::regclass) FROM (VALUES
    ('crm_customer', 'referral_from_id', 'crm_customer'),
    ('crm_customer', 'consultant_id', 'crm_userinfo'),
    ('crm_customer_course', 'customer_id', 'crm_customer'),
    ('crm_customer_course', 'course_id', 'crm_course'),
    ('crm_customerdistribution', 'user_id', 'crm_userinfo'),
    ('crm_customerdistribution', 'customer_id', 'crm_customer'),
    ('crm_salerank', 'user_id', 'crm_userinfo'),
    ('crm_consultrecord', 'customer_id', 'crm_customer'),
    ('crm_consultrecord', 'consultant_id', 'crm_userinfo'),
    ('crm_paymentrecord', 'customer_id', 'crm_customer'),
    ('crm_paymentrecord', 'class_list_id', 'crm_classlist'),
    ('crm_paymentrecord', 'consultant_id', 'crm_userinfo'),
    ('crm_student', 'customer_id', 'crm_customer'),
    ('crm_student_class_list', 'student_id', 'crm_student'),
    ('crm_student_class_list', 'classlist_id', 'crm_classlist'),
    ('crm_courserecord', 'class_obj_id', 'crm_classlist'),
    ('crm_courserecord', 'teacher_id', 'crm_userinfo'),
    ('crm_studyrecord', 'course_record_id', 'crm_courserecord'),
    ('crm_studyrecord', 'student_id', 'crm_student')) AS keys (of_table, of_column, to_table);

-- Partial where Django's would be whole: a pending customer or one without a referrer costs nothing.
CREATE INDEX crm_customer_consultant ON crm_customer (consultant_id) WHERE consultant_id IS NOT NULL;
CREATE INDEX crm_customer_referral ON crm_customer (referral_from_id) WHERE referral_from_id IS NOT NULL;
CREATE INDEX crm_customer_pending ON crm_customer (id) WHERE pool_state = 'pending';
CREATE INDEX crm_customer_pool ON crm_customer (pool_since, id) WHERE pool_state = 'public';
-- Sweep and forecast: recv_date < X, or each of the few later recv_dates with last_consult_date < Y.
CREATE INDEX crm_customer_due ON crm_customer (recv_date, last_consult_date) WHERE pool_state = 'private';
CREATE INDEX crm_customer_external ON crm_customer (external_write_at) WHERE external_write_at IS NOT NULL;

SELECT paidan.ensure_index('crm_customerdistribution', '{customer_id}');
-- Holding (status 1) and the day's count of one seller.
CREATE INDEX crm_customerdistribution_seller ON crm_customerdistribution (user_id, status, ctime);
-- Former owners, who may not have the customer again.
CREATE INDEX crm_customerdistribution_former ON crm_customerdistribution (customer_id, user_id)
    WHERE status IN (3, 4, 6);

SELECT paidan.ensure_index(of_table::regclass, ARRAY[of_column]::name[]) FROM (VALUES
    ('crm_customer_course', 'course_id'), ('crm_consultrecord', 'customer_id'), ('crm_consultrecord', 'consultant_id'),
    ('crm_paymentrecord', 'customer_id'), ('crm_paymentrecord', 'class_list_id'),
    ('crm_paymentrecord', 'consultant_id'), ('crm_student_class_list', 'classlist_id'),
    ('crm_courserecord', 'class_obj_id'), ('crm_courserecord', 'teacher_id'),
    ('crm_studyrecord', 'course_record_id'), ('crm_studyrecord', 'student_id')) AS keys (of_table, of_column);
