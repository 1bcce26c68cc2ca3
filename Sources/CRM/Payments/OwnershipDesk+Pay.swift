internal import Postgres

extension OwnershipDesk {
    /// Records a payment, by the owner or a manager; a deposit or tuition of a private customer is a deal.
    public func pay(_ id: Int, _ payment: PaymentInput, by caller: Caller) async throws -> Moved {
        let payer = PaymentRules.Payer(seller: caller.seller, isManager: caller.isManager)
        return try await change(id, "customer.pay", by: caller) { customer, tx in
            var problems = payment.problems
            if let classList = payment.classListID, try !PaymentStore.lock(classList: classList, in: &tx) {
                problems.append(
                    CustomerProblem(
                        pointer: "/class_list_id", code: "unknown_class", message: "there is no class \(classList)"))
            }
            guard problems.isEmpty, let type = PayType(rawValue: payment.payType) else { return .invalid(problems) }
            let dealSeller = customer.state == .closed ? try OwnershipStore.dealSeller(of: id, in: &tx) : nil
            switch PaymentRules.judge(customer, dealSeller: dealSeller, by: payer) {
            case .failure(let refusal): return .refused(refusal)
            case .success(.owned(let owner)):
                if type.meansDeal { try OwnershipStore.close(id, inTheNameOf: owner, in: &tx) }
                let details = try PaymentStore.add(payment, type, of: id, by: owner, in: &tx)
                return .changed(as: type.meansDeal ? "customer.deal" : nil, details: details)
            case .success(.enrolled(let seller)):
                if type.joins { try Enrolment.make(of: id, in: &tx) }
                return .changed(details: try PaymentStore.add(payment, type, of: id, by: seller, in: &tx))
            }
        }
    }
}
