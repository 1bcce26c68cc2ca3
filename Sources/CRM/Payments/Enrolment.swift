internal import Postgres

/// A customer who signed is a student: `crm_student` and the classes he is in.
enum Enrolment {
    /// Makes the customer a student unless he is one.
    ///
    /// His user name is the QQ. The password is one that Django takes for unusable: `!` and random characters, which no
    /// hash begins with.
    static func make(of customer: Int, in tx: inout Transaction) throws {
        _ = try tx.query(
            """
            INSERT INTO crm_student (customer_id, username, password, date)
            SELECT id, left(qq, 32),
                '!' || left(replace(gen_random_uuid()::text || gen_random_uuid()::text, '-', ''), 40), paidan.today()
            FROM crm_customer WHERE id = \(customer)::bigint ON CONFLICT (customer_id) DO NOTHING
            """)
    }

    /// Puts the student into a class unless he is in it.
    static func add(_ customer: Int, to classList: Int, in tx: inout Transaction) throws {
        _ = try tx.query(
            """
            INSERT INTO crm_student_class_list (student_id, classlist_id)
            SELECT id, \(classList)::bigint FROM crm_student WHERE customer_id = \(customer)::bigint
            ON CONFLICT (student_id, classlist_id) DO NOTHING
            """)
    }
}
