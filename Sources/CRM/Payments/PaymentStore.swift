internal import Postgres

/// `crm_paymentrecord`.
enum PaymentStore {
    /// Keeps a class from being deleted until the transaction ends.
    ///
    /// - Returns: whether there is one.
    static func lock(classList: Int, in tx: inout Transaction) throws -> Bool {
        try !tx.query("SELECT FROM crm_classlist WHERE id = \(classList)::bigint FOR KEY SHARE").isEmpty
    }

    /// Records a payment, and puts a student into the class that it is for.
    ///
    /// - Returns: what the audit log is to know of it, a JSON object.
    static func add(
        _ payment: PaymentInput, _ type: PayType, of customer: Int, by seller: Int, in tx: inout Transaction
    ) throws -> [UInt8] {
        if type.joins, let classList = payment.classListID {
            try Enrolment.add(customer, to: classList, in: &tx)
        }
        let rows = try tx.query(
            """
            INSERT INTO crm_paymentrecord (customer_id, class_list_id, pay_type, paid_fee, turnover, quote, note, date,
                consultant_id)
            VALUES (\(customer)::bigint, \(payment.classListID)::bigint, \(type.rawValue)::int,
                \(payment.paidFee)::bigint, \(payment.turnover)::bigint, \(payment.quote)::bigint,
                \(payment.note)::text, paidan.now(), \(seller)::bigint)
            RETURNING json_build_object('payment_id', id, 'user_id', consultant_id, 'pay_type', pay_type,
                'paid_fee', paid_fee, 'turnover', turnover, 'quote', quote, 'class_list_id', class_list_id)
            """)
        return Array(try rows[0].utf8(0))
    }
}
